//! HTTP/1.1 answers as they come in: where the head ends, where the body does, and what is in it.
//!
//! Only what this benchmark meets: a length, chunks, no body, or one that goes on to the end of the connection (RFC 9112 §6.3).

use std::io::Read;
use std::ops::Range;

use flate2::read::GzDecoder;
use memchr::memmem;

/// No answer that is measured here has a longer one.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// An answer to a poll holds at most a megabyte of publications.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The size of a chunk, with extensions that nobody sends.
const CHUNK_HEAD_BYTES_MAX: usize = 256;

/// What an answer says before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) is_gzip: bool,
    pub(super) tag: Option<String>,
}

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// After so many bytes.
    Length(usize),
    Chunks,
    /// At the end of the connection.
    Rest,
}

/// The head that the bytes begin with, and its length; `None` while it is incomplete.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, String> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        if bytes.len() > HEAD_BYTES_MAX {
            return Err("the head of the answer does not end".into());
        }
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "the head of the answer is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse::<u16>().ok());
    let status = status.ok_or_else(|| format!("no HTTP/1.1 answer: {:?}", text.lines().next()))?;
    let mut head = Head { status, body: Body::Rest, is_gzip: false, tag: None };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().ok().filter(|length| *length <= BODY_BYTES_MAX);
            head.body = Body::Length(length.ok_or("the answer is too long")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.body = Body::Chunks;
        } else if name.eq_ignore_ascii_case("content-encoding") {
            head.is_gzip = value.eq_ignore_ascii_case("gzip");
        } else if name.eq_ignore_ascii_case("etag") {
            head.tag = Some(value.to_owned());
        }
    }
    // RFC 9112 §6.3: these have none, whatever they say of the length of another answer.
    if matches!(status, 100..200 | 204 | 304) {
        head.body = Body::Length(0);
    }
    Ok(Some((head, end + 4)))
}

/// The chunk that the bytes begin with: where its content lies, and where the next one begins. The last one is empty. `None`
/// while it is incomplete.
pub(super) fn chunk(bytes: &[u8]) -> Result<Option<(Range<usize>, usize)>, String> {
    let Some(line) = memmem::find(bytes, b"\r\n") else {
        if bytes.len() > CHUNK_HEAD_BYTES_MAX {
            return Err("a chunk has no size".into());
        }
        return Ok(None);
    };
    let digits = bytes[..line].split(|&byte| byte == b';').next().unwrap_or_default();
    let size = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let size = size.filter(|size| *size <= BODY_BYTES_MAX).ok_or("a chunk has no size that makes sense")?;
    let content = line + 2..line + 2 + size;
    let next = content.end + 2;
    match bytes.get(content.end..next) {
        Some(b"\r\n") => Ok(Some((content, next))),
        Some(_) => Err("a chunk is longer than it says".into()),
        None => Ok(None),
    }
}

/// A body as it was before it was compressed.
pub(super) fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = GzDecoder::new(body).take(BODY_BYTES_MAX as u64).read_to_end(&mut out);
    read.map_err(|error| format!("the answer cannot be unpacked: {error}"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_the_body_ends() {
        let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes();
        let read = |bytes: &[u8]| head(bytes).unwrap().map(|(head, end)| (head.status, head.body, end));
        let length = with("content-LENGTH: 12\r\nETag: \"a\"\r\n");
        assert_eq!(read(&length), Some((200, Body::Length(12), length.len())));
        assert_eq!(head(&length).unwrap().unwrap().0.tag.as_deref(), Some("\"a\""));
        for cut in 0..length.len() {
            assert_eq!(head(&length[..cut]).unwrap(), None, "cut at {cut}");
        }
        let chunks = with("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n");
        assert_eq!(read(&chunks), Some((200, Body::Chunks, chunks.len())));
        assert!(head(&chunks).unwrap().unwrap().0.is_gzip);
        let unchanged = b"HTTP/1.1 304 Not Modified\r\ncontent-length: 50\r\n\r\nHTTP";
        let stream = with("Connection: close\r\n");
        assert_eq!(read(&stream), Some((200, Body::Rest, stream.len())));
        assert_eq!(read(unchanged), Some((304, Body::Length(0), unchanged.len() - 4)));
    }

    #[test]
    fn heads_without_sense_or_end_are_refused() {
        for bytes in [
            "SSH-2.0\r\n\r\n".to_owned(),
            "HTTP/1.1 abc\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_owned(),
            format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_BYTES_MAX)),
        ] {
            assert!(head(bytes.as_bytes()).is_err(), "{bytes:.60}");
        }
    }

    #[test]
    fn chunks_come_whole_or_not_at_all() {
        let bytes = b"5;x=y\r\nhello\r\n0\r\n\r\n";
        assert_eq!(chunk(bytes), Ok(Some((7..12, 14))));
        assert_eq!(chunk(&bytes[14..]), Ok(Some((3..3, 5))));
        for cut in 0..14 {
            assert_eq!(chunk(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        for bytes in [&b"5\r\nhello!\r\n"[..], b"xyz\r\n", b"fffffffffff\r\n", &[b'1'; 300]] {
            assert!(chunk(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn what_was_compressed_comes_back() {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"hello").unwrap();
        assert_eq!(unpacked(&packed.finish().unwrap()).unwrap(), b"hello");
        assert!(unpacked(b"hello").is_err());
    }
}
