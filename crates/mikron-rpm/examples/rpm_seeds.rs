//! Writes the small seeds of the fuzz targets `rpm`, `cpio` and `rpm_version`.
//!
//! ```sh
//! cargo run -p mikron-rpm --example rpm_seeds -- fuzz/corpus
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use mikron_testkit::archive::Compression;
use mikron_testkit::rpm::{CpioBuilder, CpioFields, RpmBuilder};

fn write(corpus: &Path, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = corpus.join(name);
    fs::create_dir_all(path.parent().ok_or("a seed has a directory")?)?;
    Ok(fs::write(path, bytes)?)
}

/// The payload that belongs to the header which the target puts before it.
fn payload() -> CpioBuilder {
    let regular = |links| CpioFields {
        links,
        ..CpioFields::new(0o100_644)
    };
    CpioBuilder::new()
        .member(b"./a", regular(2), b"")
        .member(b"./b", regular(2), b"text")
        .member(b"./c", CpioFields::new(0o120_777), b"a")
        .member(b"./d", CpioFields::new(0o040_755), b"")
        .trailer()
}

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = std::env::args().nth(1).ok_or("where is the corpus?")?;
    let corpus = Path::new(&corpus);
    let stripped = CpioBuilder::new()
        .stripped(3, b"")
        .stripped(0, b"")
        .stripped(1, b"text")
        .stripped(2, b"a")
        .trailer()
        .build();
    let summed = CpioFields {
        sum: Some(3),
        ..CpioFields::new(0o100_644)
    };
    let summed = CpioBuilder::new().member(b"x", summed, &[1, 2]).trailer();
    write(corpus, "cpio/newc", &payload().build())?;
    write(corpus, "cpio/stripped", &stripped)?;
    write(corpus, "cpio/crc", &summed.build())?;
    for (number, compression) in [
        Compression::None,
        Compression::Gzip,
        Compression::Bzip2,
        Compression::Xz,
        Compression::Lzma,
        Compression::Zstd,
    ]
    .into_iter()
    .enumerate()
    {
        let kind = 4 * number as u8 + 3;
        let name = match compression.extension() {
            "" => "none",
            extension => &extension[1..],
        };
        let packed = compression.compress(&payload().build());
        write(
            corpus,
            &format!("rpm/payload-{name}"),
            &[&[kind], &*packed].concat(),
        )?;
        let packed = compression.compress(&stripped);
        let seed = [&[kind], &*packed].concat();
        write(corpus, &format!("rpm/stripped-{name}"), &seed)?;
    }
    let package = RpmBuilder::new("x", "1.0", "1", "noarch")
        .requires("(a if b else c)")
        .provides("user(x) = dSB4Cg==")
        .script("%post", "/bin/sh", "exit 0")
        .file("/usr/bin/x", 0o755, "x")
        .capabilities("cap_net_raw=ep")
        .hardlink("/usr/bin/y", "/usr/bin/x")
        .symlink("/usr/bin/z", "x")
        .ghost("/var/log/x", 0o600)
        .config("/etc/x", "x");
    write(corpus, "rpm/whole", &[&[0], &*package.build()].concat())?;
    let sections = package.parts().sections();
    write(corpus, "rpm/header", &[&[1], &*sections.header].concat())?;
    // A reserved byte that is not zero.
    let mut reserved = sections.header.clone();
    reserved[6] = 1;
    write(corpus, "rpm/reserved", &[&[1], &*reserved].concat())?;
    let signature = sections.signature.build();
    write(corpus, "rpm/signature", &[&[2], &*signature].concat())?;
    for (name, text) in [
        ("epochs", "1:1.0-1 0:1.0-1 1.0"),
        ("marks", "1.0~rc1^git-1 1.0^-2 1~"),
        ("numbers", "12345678901234567890 0012 1.a"),
    ] {
        write(corpus, &format!("rpm_version/{name}"), text.as_bytes())?;
    }
    Ok(())
}
