//! What programs make at installation, made without them; and what cannot be, refused by name.

mod common;

use common::{Image, Look};
use mikron_package::Family;
use mikron_rootfs::{FinalizerFault, RootfsError};

/// A self-signed certificate made for tests.
const CERTIFICATE: &str = include_str!("data/test-ca.pem");

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
    let certificate = CERTIFICATE;
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

/// An image of a family in which a site has an authority of its own.
fn with_own_authority(family: Family) -> Image {
    let mut image = Image::new().file(
        "local",
        &format!("/{}/ours.crt", family.trust.anchors),
        CERTIFICATE,
    );
    image.assembly.options.families = vec![family];
    image
}

#[test]
fn an_authority_of_ones_own_is_found_where_libraries_of_each_family_look() {
    for (family, places) in [
        (Family::DEB, &["/usr/lib/ssl/cert.pem"][..]),
        (Family::APK, &["/etc/ssl/cert.pem"]),
        (
            Family::RPM,
            &["/etc/pki/tls/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"],
        ),
    ] {
        let rootfs = with_own_authority(family).finalize().unwrap();
        let bundle = format!("/{}", family.trust.bundle);
        assert_eq!(rootfs.text(&bundle), CERTIFICATE, "{family}");
        for place in places {
            assert_eq!(rootfs.target(place), Some(bundle.clone()), "{family}");
        }
    }
}

#[test]
fn a_bundle_that_a_package_has_ready_keeps_what_is_in_it() {
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let rootfs = with_own_authority(Family::APK)
        .file("ca-certificates-bundle", bundle, "theirs")
        .finalize()
        .unwrap();
    assert_eq!(rootfs.text(bundle), format!("theirs\n{CERTIFICATE}"));
    let alone = Image::new()
        .file("ca-certificates-bundle", bundle, "theirs")
        .finalize()
        .unwrap();
    let owner = &alone.at(bundle).unwrap().owner;
    assert_eq!(owner.package(), Some("ca-certificates-bundle"));
}

#[test]
fn authorities_of_fedora_are_those_that_p11_kit_trusts_for_servers() {
    let object =
        |marks: &str| format!("[p11-kit-object-v1]\nlabel: \"Their%20CA\"\n{marks}\n{CERTIFICATE}");
    let image = |marks: &str| {
        let mut image = Image::new()
            .file(
                "ca-certificates",
                "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit",
                &object(marks),
            )
            .link(
                "java-17-openjdk-headless",
                "/usr/lib/jvm/jre-17/lib/security/cacerts",
                "/etc/pki/ca-trust/extracted/java/cacerts",
            );
        image.assembly.options.families = vec![Family::RPM];
        image.finalize().unwrap()
    };
    let rootfs = image("trusted: true");
    let bundle = format!("/{}", Family::RPM.trust.bundle);
    assert_eq!(rootfs.text(&bundle), CERTIFICATE);
    let store = rootfs
        .at("/etc/pki/ca-trust/extracted/java/cacerts")
        .unwrap();
    let store = rootfs.made.get(&store.content.unwrap()).unwrap();
    assert!(store.windows(8).any(|name| name == b"their ca"));
    assert!(image("trusted: false").at(&bundle).is_none());
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
