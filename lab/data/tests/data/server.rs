//! A server of HTTP in this process, in every manner, good or bad, and the files that are fetched from it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lookahead_data as data;
use lookahead_data::OfficialFile;
use md5::{Digest, Md5};

/// What the server does with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    /// As HTTP says, byte ranges included.
    Whole,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Sends everything whatever range is asked for.
    WithoutRange,
    /// The file is not there.
    Absent,
    /// Says nothing more after so many bytes of the body, and keeps the connection.
    StallAfter(usize),
    /// Takes the request and never answers.
    Mute,
    /// A part, with this `Content-Range`, whatever was asked for.
    Part(&'static str),
    /// Says that nothing is there from where it was asked, and that so many bytes are there in all.
    NothingLeft(usize),
    /// Leads to another place once.
    Redirect,
    /// All of it, without saying how much that is.
    WithoutLength,
}

/// Longer than any test waits; the threads end with the process.
const FOR_EVER: Duration = Duration::from_secs(600);

/// The path and the range that were asked for.
pub type Request = (String, Option<String>);

/// A server of one content; `manners` are those of the requests in turn, the last one for all that follow.
pub struct Server {
    pub base: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn of(content: &[u8], manners: &[Manner]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/pub/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, content, manners) = (Arc::clone(&requests), content.to_vec(), manners.to_vec());
        // It ends with the process.
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let manner = manners[index.min(manners.len() - 1)];
                let stream = stream.unwrap();
                let (content, seen) = (content.clone(), Arc::clone(&seen));
                // A client that goes away is none of the server's business.
                let answer = move || answer(stream, &content, manner, &seen);
                if matches!(manner, Manner::Mute | Manner::StallAfter(_)) {
                    thread::spawn(answer);
                } else {
                    let _ = answer();
                }
            }
        });
        Self { base, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    content: &[u8],
    manner: Manner,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap()?;
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("range") {
            range = Some(value.to_owned());
        }
    }
    requests.lock().unwrap().push((path, range.clone()));
    let start: usize =
        range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap());
    let total = content.len();
    let (status, extra, body) = match manner {
        Manner::Mute => {
            thread::sleep(FOR_EVER);
            return Ok(());
        }
        Manner::Redirect => ("302 Found", "Location: /elsewhere/a.bin\r\n".to_owned(), &b""[..]),
        Manner::NothingLeft(total) => {
            ("416 Range Not Satisfiable", format!("Content-Range: bytes */{total}\r\n"), &b""[..])
        }
        Manner::Part("") => ("206 Partial Content", String::new(), content),
        Manner::Part(range) => {
            let bounds = range.split('/').next().unwrap().split_once('-').unwrap();
            let [first, last] = [bounds.0, bounds.1].map(|bound| bound.parse::<usize>().unwrap());
            ("206 Partial Content", format!("Content-Range: bytes {range}\r\n"), &content[first..=last])
        }
        Manner::Absent => ("404 Not Found", String::new(), &b"no such file"[..]),
        Manner::WithoutRange => ("200 OK", String::new(), content),
        _ if start >= total && start > 0 => {
            ("416 Range Not Satisfiable", format!("Content-Range: bytes */{total}\r\n"), &b""[..])
        }
        _ if start > 0 => {
            let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
            ("206 Partial Content", range, &content[start..])
        }
        _ => ("200 OK", String::new(), content),
    };
    let length =
        if manner == Manner::WithoutLength { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "HTTP/1.1 {status}\r\n{extra}{length}Connection: close\r\n\r\n")?;
    match manner {
        Manner::CutAfter(bytes) => stream.write_all(&body[..bytes.min(body.len())]),
        Manner::StallAfter(bytes) => {
            stream.write_all(&body[..bytes])?;
            thread::sleep(FOR_EVER);
            Ok(())
        }
        _ => stream.write_all(body),
    }
}

/// Half a megabyte that does not repeat.
pub fn content() -> Vec<u8> {
    (0..500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub fn md5_of(bytes: &[u8]) -> &'static str {
    let hexadecimal: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hexadecimal.leak()
}

pub fn file(name: &'static str, base: &str, content: &[u8]) -> OfficialFile {
    OfficialFile { name, base: base.to_owned().leak(), md5: Some(md5_of(content)) }
}

/// The names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The official address, and a short patience.
pub fn direct() -> data::Server {
    data::Server { mirror: None, patience: Duration::from_secs(5) }
}
