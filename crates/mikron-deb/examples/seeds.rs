//! Writes the small seeds of the fuzz targets `ar`, `tar`, `deb` and `deb_version`.
//!
//! ```sh
//! cargo run -p mikron-deb --example seeds -- fuzz/corpus
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use mikron_testkit::archive::{ArBuilder, Compression, DebBuilder, TarBuilder, TarHeader};

fn write(corpus: &Path, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = corpus.join(name);
    fs::create_dir_all(path.parent().ok_or("a seed has a directory")?)?;
    Ok(fs::write(path, bytes)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = std::env::args_os()
        .nth(1)
        .ok_or("the corpus directory is missing")?;
    let corpus = Path::new(&corpus);
    let ar = ArBuilder::new().member("a", b"odd").member("b/", b"even");
    write(corpus, "ar/plain", &ar.clone().build())?;
    write(corpus, "ar/cut", &ar.raw(b"half a header").build())?;
    let bsd = ArBuilder::new().member("#1/8", b"longnamecontent");
    write(corpus, "ar/bsd", &bsd.build())?;

    let gnu = TarBuilder::new()
        .dir("./", 0o755)
        .file("./usr/bin/x", 0o4755, b"hello")
        .hardlink("./usr/bin/y", "./usr/bin/x")
        .symlink("./usr/bin/z", &"t/".repeat(60))
        .file(&"d/".repeat(60), 0o644, b"")
        .entry(&TarHeader::new(b'3', b"./dev/null").device(1, 3), b"");
    write(corpus, "tar/gnu", &gnu.clone().build())?;
    let ustar = TarHeader::new(b'0', b"x").ustar(b"./usr").mtime(-1);
    let ustar = TarBuilder::new().entry(&ustar, b"").without_end();
    write(corpus, "tar/ustar", &ustar.build())?;
    let pax = TarBuilder::new()
        .pax(b'g', &[("uid", b"7")])
        .pax(
            b'x',
            &[
                ("path", b"p"),
                ("size", b"3"),
                ("mtime", b"1.5"),
                ("SCHILY.xattr.user.a", b"b"),
            ],
        )
        .file("a", 0o644, b"abc");
    write(corpus, "tar/pax", &pax.build())?;
    let old = TarHeader::new(b'S', b"s")
        .size(3)
        .number(483, 12, 5_000)
        .number(386, 12, 1_000)
        .number(398, 12, 3);
    write(
        corpus,
        "tar/sparse-old",
        &TarBuilder::new().entry(&old, b"abc").build(),
    )?;
    let mut body = b"1\n1000\n3\n".to_vec();
    body.resize(512, 0);
    body.extend_from_slice(b"abc");
    let sparse = TarBuilder::new()
        .pax(
            b'x',
            &[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.realsize", b"5000"),
            ],
        )
        .entry(&TarHeader::new(b'0', b"s").size(515), &body);
    write(corpus, "tar/sparse-pax", &sparse.build())?;

    let deb = DebBuilder::new("x", "1.0", "all")
        .conffile("/etc/x", b"x")
        .script("postinst", "#!/bin/sh\n")
        .symlink("/usr/bin/x", "y");
    for (n, compression) in (0_u8..).zip(Compression::ALL) {
        let deb = deb.clone().compression(compression);
        let name = compression.extension().trim_start_matches('.');
        let name = if name.is_empty() { "none" } else { name };
        let kind = |kind: u8, bytes: &[u8]| [&[4 * n + kind], bytes].concat();
        write(corpus, &format!("deb/whole-{name}"), &kind(0, &deb.build()))?;
        let data = compression.compress(&gnu.clone().build());
        write(corpus, &format!("deb/data-{name}"), &kind(3, &data))?;
    }
    let control = [&[1][..], &deb.control_tar()].concat();
    write(corpus, "deb/control-tar", &control)?;
    let stanza = b"\x02Package: x\nVersion: 1\nArchitecture: all\nDepends: a | b (>= 1)\n";
    write(corpus, "deb/control", stanza)?;
    for (name, text) in [
        ("epochs", "1:1.0-1 0:1.0-1 1.0"),
        ("marks", "1.0~rc1+b1 1.0~~ 1.0+dfsg-1~deb12u1"),
        ("numbers", "12345678901234567890 0012-0 1.a.-"),
    ] {
        write(corpus, &format!("deb_version/{name}"), text.as_bytes())?;
    }
    Ok(())
}
