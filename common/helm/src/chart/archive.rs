//! Chart archives: gzipped tar, unpacked into memory, with limits against hostile ones.

use std::io::Read;

use super::File;
use crate::error::ChartError;

/// What a chart may not pass; sizes in bytes (Helm 3.17 has 100 MiB and 5 MiB, and counts no files).
#[derive(Clone, Debug)]
pub struct Limits {
    /// All files together, unpacked.
    pub total: u64,
    /// One file, unpacked.
    pub file: u64,
    /// Number of files.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 100 << 20,
            file: 5 << 20,
            files: 20_000,
        }
    }
}

/// What was read of a chart so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    bytes: u64,
    files: usize,
}

impl Tally {
    /// Counts a file of that many bytes before it is read.
    pub(super) fn add(&mut self, name: &str, bytes: u64, limits: &Limits) -> Result<(), ChartError> {
        let too_large = |what: &str, limit| ChartError::TooLarge {
            what: what.to_owned(),
            limit,
        };
        self.bytes = self.bytes.saturating_add(bytes);
        self.files += 1;
        if bytes > limits.file {
            return Err(too_large(name, limits.file));
        }
        if self.bytes > limits.total {
            return Err(too_large("the chart", limits.total));
        }
        if self.files > limits.files {
            return Err(ChartError::TooMany { limit: limits.files });
        }
        Ok(())
    }
}

/// Reads the regular files of an archive; the first path element is the chart's folder and is dropped.
pub(super) fn unpack(bytes: &[u8], limits: &Limits, tally: &mut Tally) -> Result<Vec<File>, ChartError> {
    let malformed = |err: std::io::Error| ChartError::Archive(err.to_string());
    let gz = flate2::read::MultiGzDecoder::new(bytes);
    // One byte more than allowed, plus room for tar's own headers, tells a cut from an end.
    let mut tar = tar::Archive::new(gz.take(limits.total.saturating_mul(2).saturating_add(1 << 20)));
    let mut files = Vec::new();
    for entry in tar.entries().map_err(malformed)? {
        let mut entry = entry.map_err(malformed)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| ChartError::Archive("a file name is not UTF-8".to_owned()))?;
        let Some(name) = inner_path(&path)? else { continue };
        tally.add(&name, entry.size(), limits)?;
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(malformed)?;
        files.push(File {
            name,
            data: data.into(),
        });
    }
    if files.is_empty() {
        return Err(ChartError::Archive("no files in chart archive".to_owned()));
    }
    Ok(files)
}

/// The path without its first element; None for files outside the chart's folder that Helm skips too.
fn inner_path(path: &str) -> Result<Option<String>, ChartError> {
    let path = path.replace('\\', "/");
    if path.starts_with('/') {
        return Err(ChartError::Archive(
            "chart illegally contains absolute paths".to_owned(),
        ));
    }
    if path.get(1..3) == Some(":/") {
        return Err(ChartError::Archive(
            "chart contains illegally named files".to_owned(),
        ));
    }
    let mut parts = Vec::new();
    let mut elements = path.split('/');
    elements.next();
    for element in elements {
        match element {
            "" | "." => {}
            ".." => {
                return Err(ChartError::Archive(
                    "chart illegally references parent directory".to_owned(),
                ));
            }
            element => parts.push(element),
        }
    }
    if parts.is_empty() {
        if path == "Chart.yaml" {
            return Err(ChartError::Archive("chart yaml not in base directory".to_owned()));
        }
        return Ok(None);
    }
    Ok(Some(parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, ChartError> {
        super::unpack(bytes, limits, &mut Tally::default())
    }

    fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, data) in files {
            let mut header = tar::Header::new_gnu();
            // Written by hand: the builder refuses the very names that are to be tried.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, *data).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn first_element_is_dropped() {
        let files = unpack(
            &tgz(&[("c/Chart.yaml", b"a"), ("c/templates/x.yaml", b"b")]),
            &Limits::default(),
        );
        let names: Vec<_> = files.unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["Chart.yaml", "templates/x.yaml"]);
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for name in ["c/../../etc/passwd", "/etc/passwd", "c:/x", "Chart.yaml"] {
            let err = unpack(&tgz(&[(name, b"x")]), &Limits::default()).unwrap_err();
            assert!(matches!(err, ChartError::Archive(_)), "{name}: {err}");
        }
    }

    #[test]
    fn sizes_are_limited() {
        let limits = Limits {
            total: 10,
            file: 6,
            files: 3,
        };
        let one = unpack(&tgz(&[("c/a", b"1234567")]), &limits);
        assert!(matches!(one, Err(ChartError::TooLarge { .. })), "{one:?}");
        let sum = unpack(&tgz(&[("c/a", b"123456"), ("c/b", b"123456")]), &limits);
        assert!(matches!(sum, Err(ChartError::TooLarge { .. })), "{sum:?}");
        let many = unpack(
            &tgz(&[("c/a", b"1"), ("c/b", b"1"), ("c/c", b"1"), ("c/d", b"1")]),
            &limits,
        );
        assert!(matches!(many, Err(ChartError::TooMany { limit: 3 })), "{many:?}");
    }

    #[test]
    fn a_small_archive_that_unpacks_to_a_large_one_is_not_unpacked() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let mut header = tar::Header::new_gnu();
        header.set_path("c/zeros").unwrap();
        header.set_size(1 << 30);
        header.set_cksum();
        gz.write_all(header.as_bytes()).unwrap();
        for _ in 0..64 {
            gz.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let err = unpack(&gz.finish().unwrap(), &Limits::default()).unwrap_err();
        assert!(matches!(err, ChartError::TooLarge { .. }), "{err}");
    }

    #[test]
    fn links_and_devices_are_left_out() {
        let mut tar = tar::Builder::new(Vec::new());
        let kinds = [
            tar::EntryType::Symlink,
            tar::EntryType::Link,
            tar::EntryType::Char,
            tar::EntryType::Fifo,
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
                header.set_link_name("/etc/passwd").unwrap();
            }
            tar.append_data(
                &mut header,
                format!("c/templates/{number}.yaml"),
                std::io::empty(),
            )
            .unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        let err = unpack(&gz.finish().unwrap(), &Limits::default()).unwrap_err();
        assert_eq!(err.to_string(), "chart archive: no files in chart archive");
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(unpack(b"not gzip", &Limits::default()).is_err());
        let whole = tgz(&[("c/Chart.yaml", b"a")]);
        assert!(unpack(&whole[..whole.len() / 2], &Limits::default()).is_err());
    }
}
