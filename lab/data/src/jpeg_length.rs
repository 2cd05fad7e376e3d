//! Whether a JPEG file can hold all of its picture, as far as its length shows (ITU-T T.81): decoders fill in what is missing.

/// Start and end of a file, start of a scan.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// Start of a frame with Huffman codes: baseline, extended sequential, progressive.
const SEQUENTIAL: [u8; 2] = [0xc0, 0xc1];
const PROGRESSIVE: u8 = 0xc2;

/// The rows and columns of blocks are of 8 pixels (T.81, A.1.1).
const BLOCK: usize = 8;

/// Whether its scans have as many bytes as the shortest codes of its blocks take.
///
/// Also true of a header that is not understood: what is wrong with that the decoder tells. Damage inside of a scan that is
/// long enough cannot be told: any bits are some picture.
pub(super) fn can_be_whole(bytes: &[u8]) -> bool {
    header(bytes).is_none_or(|(least, scan)| {
        let end = bytes.windows(2).rposition(|pair| pair == [0xff, EOI]).unwrap_or(bytes.len());
        end.saturating_sub(scan) >= least
    })
}

/// The fewest bytes that the scans can have, and where the first of them begins.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut least) = (2, None);
    if bytes.get(..2)? != [0xff, SOI] {
        return None;
    }
    loop {
        let &[0xff, marker] = bytes.get(at..at + 2)? else { return None };
        if marker == 0xff {
            // Fill bytes may stand before a marker.
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        let content = bytes.get(at + 4..at + 2 + length)?;
        if SEQUENTIAL.contains(&marker) || marker == PROGRESSIVE {
            least = Some(fewest_bytes(content, marker == PROGRESSIVE)?);
        }
        at += 2 + length;
        if marker == SOS {
            return least.map(|least| (least, at));
        }
    }
}

/// What the blocks of a frame take at least. A code has a bit or more: a block of a sequential scan has one for its mean
/// and one for the rest, in a progressive one many blocks together may have no rest.
fn fewest_bytes(frame: &[u8], is_progressive: bool) -> Option<usize> {
    let &[_, h1, h2, w1, w2, count, ref components @ ..] = frame else { return None };
    let [height, width] = [[h1, h2], [w1, w2]].map(|side| usize::from(u16::from_be_bytes(side)));
    let sampling = components.chunks_exact(3).take(count.into()).map(|it| [it[1] >> 4, it[1] & 15].map(usize::from));
    let sampling: Vec<[usize; 2]> = sampling.collect();
    let [across, down] = [0, 1].map(|side| sampling.iter().map(|factors| factors[side]).max().unwrap_or(0));
    if across == 0 || down == 0 {
        return None;
    }
    // A component has ceil(X H_i / H_max) columns and ceil(Y V_i / V_max) rows (T.81, A.1.1).
    let blocks =
        |[h, v]: [usize; 2]| (width * h).div_ceil(across).div_ceil(BLOCK) * (height * v).div_ceil(down).div_ceil(BLOCK);
    let bits_of_a_block = if is_progressive { 1 } else { 2 };
    Some((bits_of_a_block * sampling.into_iter().map(blocks).sum::<usize>()).div_ceil(8))
}
