//! Bodies that kombu compressed (`kombu_compression`), and the other way.

use std::borrow::Cow;
use std::io::{Read, Write};

use lapin::BasicProperties;
use lapin::types::AMQPValue;

use crate::envelope::Malformed;

const HEADER: &str = "compression";
const GZIP: &str = "application/x-gzip";
const BZIP2: &str = "application/x-bz2";
/// Largest body after decompression, bytes: more is an attack or a mistake.
const LIMIT: u64 = 256 << 20;

/// The plain body of a message.
pub(crate) fn unpack<'a>(body: &'a [u8], properties: &BasicProperties) -> Result<Cow<'a, [u8]>, Malformed> {
    let header = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(HEADER).cloned());
    let name = match header {
        None | Some(AMQPValue::Void) => return Ok(Cow::Borrowed(body)),
        Some(AMQPValue::LongString(name)) => name.to_string(),
        Some(AMQPValue::ShortString(name)) => name.to_string(),
        Some(other) => return Err(Malformed::Compression(format!("{other:?}"))),
    };
    match name.as_str() {
        GZIP if body.starts_with(&[0x1f, 0x8b]) => read(flate2::read::MultiGzDecoder::new(body)),
        // What kombu calls gzip is zlib's format.
        GZIP => read(flate2::read::ZlibDecoder::new(body)),
        BZIP2 => read(bzip2::read::MultiBzDecoder::new(body)),
        _ => return Err(Malformed::Compression(name)),
    }
    .map(Cow::Owned)
}

fn read(decoder: impl Read) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    let size = decoder
        .take(LIMIT + 1)
        .read_to_end(&mut out)
        .map_err(|error| Malformed::Compressed(error.to_string()))?;
    if size as u64 > LIMIT {
        return Err(Malformed::Compressed(format!("more than {LIMIT} bytes")));
    }
    Ok(out)
}

/// Compresses a body if `kombu_compression` asks for it; the name for the header.
pub(crate) fn pack(body: Vec<u8>, compression: Option<&str>) -> (Vec<u8>, Option<&'static str>) {
    let packed = match compression {
        Some("gzip" | "zlib") => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder
                .write_all(&body)
                .and_then(|()| encoder.finish())
                .map(|packed| (packed, GZIP))
        }
        Some("bz2" | "bzip2") => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder
                .write_all(&body)
                .and_then(|()| encoder.finish())
                .map(|packed| (packed, BZIP2))
        }
        _ => return (body, None),
    };
    // Writing to memory does not fail; if it did, plain is understood as well.
    packed.map_or((body, None), |(packed, name)| (packed, Some(name)))
}

/// The header that announces a compressed body.
pub(crate) const fn header() -> &'static str {
    HEADER
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldTable;

    use super::*;

    fn properties(name: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(HEADER.into(), AMQPValue::LongString(name.into()));
        BasicProperties::default().with_headers(headers)
    }

    #[test]
    fn what_is_packed_unpacks() {
        for compression in ["gzip", "bz2"] {
            let (packed, name) = pack(b"body".to_vec(), Some(compression));
            assert_eq!(
                unpack(&packed, &properties(name.unwrap())).unwrap().as_ref(),
                b"body",
                "{compression}"
            );
        }
        assert_eq!(pack(b"body".to_vec(), None), (b"body".to_vec(), None));
    }

    #[test]
    fn kombus_gzip_is_zlib() {
        // zlib.compress(b"abc") in Python.
        let packed = b"x\x9cKLJ\x06\x00\x02M\x01'";
        assert_eq!(unpack(packed, &properties(GZIP)).unwrap().as_ref(), b"abc");
    }

    #[test]
    fn garbage_and_bombs_are_refused() {
        assert!(matches!(
            unpack(b"abc", &properties(GZIP)),
            Err(Malformed::Compressed(_))
        ));
        assert!(matches!(
            unpack(b"abc", &properties("application/zstd")),
            Err(Malformed::Compression(_))
        ));
    }
}
