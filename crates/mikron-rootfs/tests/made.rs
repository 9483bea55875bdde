//! What programs make at installation, made without them; and what cannot be, refused by name.

mod common;

use common::{Image, Look};
use mikron_rootfs::{FinalizerFault, RootfsError};

const LOADERS: &str = "/usr/lib/x/gdk-pixbuf-2.0/2.10.0/loaders";

#[test]
fn loaders_of_pictures_that_lie_there_are_listed() {
    let rootfs = Image::new()
        .file("a", &format!("{LOADERS}/libpixbufloader-svg.so"), "1")
        .file("a", &format!("{LOADERS}/libpixbufloader-bmp.so"), "1")
        .file("b", &format!("{LOADERS}/libpixbufloader-unheard.so"), "1")
        .finalize()
        .unwrap();
    let text = rootfs.text("/usr/lib/x/gdk-pixbuf-2.0/2.10.0/loaders.cache");
    let expected = format!("\"{LOADERS}/libpixbufloader-bmp.so\"\n\"bmp\" 5 ");
    assert!(text.starts_with(&expected), "{text}");
    assert!(
        text.contains("libpixbufloader-svg.so\"\n\"svg\" "),
        "{text}"
    );
    assert!(
        !text.contains("unheard") && !text.contains("tiff"),
        "{text}"
    );
}

#[test]
fn a_list_of_loaders_that_a_package_ships_stands() {
    let cache = "/usr/lib/x/gdk-pixbuf-2.0/2.10.0/loaders.cache";
    let rootfs = Image::new()
        .file("a", &format!("{LOADERS}/libpixbufloader-svg.so"), "1")
        .file("a", cache, "own\n")
        .finalize()
        .unwrap();
    assert_eq!(rootfs.at(cache).unwrap().owner.package(), Some("a"));
}

#[test]
fn certificates_have_links_by_the_hash_of_their_subjects() {
    let certificate = include_str!("data/test-ca.pem");
    let twice = format!("{certificate}{certificate}");
    let rootfs = Image::new()
        .file(
            "local",
            "/usr/local/share/ca-certificates/local.crt",
            certificate,
        )
        .file("own", "/etc/ssl/certs/own.pem", certificate)
        .file("own", "/etc/ssl/certs/two.pem", &twice)
        .finalize()
        .unwrap();
    let links: Vec<String> = rootfs
        .tree
        .nodes()
        .map(|node| node.entry.path.to_string())
        .filter(|path| path.starts_with("/etc/ssl/certs/") && path.contains(".0"))
        .collect();
    let [link] = links.as_slice() else {
        panic!("{links:?}");
    };
    // `openssl x509 -subject_hash -in test-ca.pem`.
    assert_eq!(link, "/etc/ssl/certs/d4f2532a.0");
    assert_eq!(rootfs.target(link).as_deref(), Some("local.pem"));
}

#[test]
fn a_program_without_what_only_its_installation_makes_is_refused() {
    for (program, of, made) in [
        (
            "/usr/bin/pdftex",
            "/usr/share/texlive/texmf-dist/tex/latex/latexconfig/pdflatex.ini",
            "/var/lib/texmf/web2c/pdftex/pdflatex.fmt",
        ),
        (
            "/usr/bin/aspell",
            "/usr/share/aspell/en-common.cwl.gz",
            "/var/lib/aspell/en-common.rws",
        ),
        (
            "/usr/sbin/cracklib-check",
            "/usr/share/dict/cracklib-small",
            "/var/cache/cracklib/cracklib_dict.pwd",
        ),
        (
            "/usr/bin/mecab",
            "/usr/share/mecab/dic/ipadic/Noun.csv",
            "/var/lib/mecab/dic/ipadic/sys.dic",
        ),
    ] {
        let image = || Image::new().file("p", program, "1");
        // What lies there empty is for dpkg, which removes it with its package.
        let error = image().file("d", of, "1").file("d", made, "");
        let error = error.finalize().unwrap_err();
        let text = error.to_string();
        let RootfsError::Finalizer { finalizer, fault } = error else {
            panic!("{text}");
        };
        assert_eq!(finalizer, "steps");
        assert!(
            matches!(&fault, FinalizerFault::StepMissing { program: named, .. } if named == program)
        );
        assert!(text.contains("`files`"), "{text}");
        assert!(
            image()
                .file("d", of, "1")
                .file("own", made, "1")
                .finalize()
                .is_ok()
        );
        assert!(
            image().finalize().is_ok(),
            "{program} alone has nothing to make it of"
        );
    }
}
