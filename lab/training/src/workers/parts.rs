//! The workers' parts in a run folder, each whole or damaged.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use lookahead_runs::files::read_all;

use super::checkpoint::FOLDER;
use crate::Error;

/// The first bytes of a part, as `lookahead-mpi` writes it. Behind them are a CRC-32 of the rest, rank, number of ranks, outer step,
/// and what the rank has saved.
const MAGIC: &[u8] = b"lookmpi1";

/// Of every part, in the order of their names, its name in the run folder, or what is wrong with it.
pub(crate) fn parts(run_folder: &Path) -> Vec<Result<String, Error>> {
    let folder = run_folder.join(FOLDER);
    let names = match names(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return vec![Err(Error::io(&folder)(error))],
        Ok(names) => names,
    };
    let looked_at = names.into_iter().filter_map(|name| {
        let path = folder.join(&name);
        Some(match read_all(&path) {
            Ok(bytes) if is_whole(&bytes, &name) => Ok(format!("{FOLDER}/{name}")),
            Ok(_) => {
                let reason = "its CRC-32 is not the one that was written".to_owned();
                Err(Error::DamagedCheckpoint { path, reason })
            }
            // A run in progress has gone on.
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => Err(Error::io(&path)(error)),
        })
    });
    looked_at.collect()
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| name.starts_with("rank-") && name.ends_with(".checkpoint"));
    names.sort();
    Ok(names)
}

/// Whether a part is as it was written, and under its own name.
fn is_whole(bytes: &[u8], name: &str) -> bool {
    let Some((sum, rest)) = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk()) else { return false };
    let ([rank, size, outer, ..], _) = rest.as_chunks() else { return false };
    let [rank, size, outer] = [rank, size, outer].map(|word| u64::from_le_bytes(*word));
    u32::from_le_bytes(*sum) == crc32fast::hash(rest)
        && name == format!("rank-{rank}-of-{size}-outer-{outer}.checkpoint")
}
