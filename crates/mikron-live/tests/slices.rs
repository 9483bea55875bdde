//! The example of slices: packages of the machine's mirror, cut by the definitions beside the spec.

mod common;

use std::fs;

use common::{Built, build, example, example_with};
use mikron_live::runtime::{Bundle, Run};

/// Builds the example with the definitions where they are.
fn built() -> Option<Built> {
    let release = example("slices");
    let release = release.canonicalize().expect("it lies beside its spec");
    let spec = example_with("slices.yaml", "");
    let named = spec.replace("chisel: slices", &format!("chisel: {}", release.display()));
    assert_ne!(named, spec, "the example names its definitions");
    build(&named)
}

#[test]
fn nginx_out_of_slices_serves_a_page() {
    let Some(built) = built() else { return };
    let Some(bundle) = Bundle::unpack(&built.layout(), "latest") else {
        return;
    };
    let mut container = bundle.start(&Run::default());
    let page = container.fetch(&["http://localhost/"]);
    assert!(page.contains("It works."), "{}", container.output());
    container.signal("QUIT");
    assert_eq!(container.wait().code(), Some(0), "{}", container.output());
}

#[test]
fn slices_of_real_packages_take_what_they_say_and_nothing_else() {
    let Some(built) = built() else { return };
    let Some(bundle) = Bundle::unpack(&built.layout(), "latest") else {
        return;
    };
    let root = bundle.rootfs();
    let conf = fs::read_to_string(root.join("etc/nginx/nginx.conf")).unwrap();
    assert!(conf.contains("error_log stderr"), "{conf}");
    assert!(!conf.contains("-enabled/"), "{conf}");
    let bundle = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(bundle.matches("BEGIN CERTIFICATE").count() > 100);
    for there in ["usr/share/doc/nginx/copyright", "usr/lib/os-release"] {
        assert!(root.join(there).exists(), "{there}");
    }
    for absent in [
        "etc/nginx/sites-available",
        "etc/nginx/fastcgi_params",
        "etc/ssl/certs/ACCVRAIZ1.pem",
        "usr/share/ca-certificates/mozilla",
    ] {
        assert!(fs::symlink_metadata(root.join(absent)).is_err(), "{absent}");
    }
    // The package's directory above what was there for the scripts alone stays, as chisel leaves it.
    let emptied = fs::read_dir(root.join("usr/share/ca-certificates")).unwrap();
    assert_eq!(emptied.count(), 0);
    let mut layout = built.report.platforms[0].packages.iter();
    let nginx = layout.find(|package| package.name.as_str() == "nginx");
    let capabilities = &nginx.expect("it is in the image").capabilities;
    assert_eq!(*capabilities, ["nginx_bins", "nginx_copyright"]);
}
