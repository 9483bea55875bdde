//! How small the image of nginx is.

mod common;

use common::{build, build_example, example_with};

#[test]
fn the_example_spec_has_at_most_twenty_lines() {
    assert!(example_with("nginx.yaml", "").lines().count() <= 20);
}

#[test]
fn nginx_in_layers_by_package_has_at_most_3_700_000_bytes() {
    let Some(built) = build_example("nginx.yaml") else {
        return;
    };
    let [platform] = built.report.platforms.as_slice() else {
        panic!("the example is for one platform");
    };
    assert!(platform.layers.len() > 5 && platform.layers.len() <= 32);
    assert!(platform.size <= 3_700_000, "{} bytes", platform.size);
}

#[test]
fn nginx_in_a_single_layer_has_at_most_3_600_000_bytes() {
    let spec = example_with("nginx.yaml", "layers: { strategy: single }\n");
    let Some(built) = build(&spec) else { return };
    assert_eq!(built.report.platforms[0].layers.len(), 1);
    assert!(
        built.report.size() <= 3_600_000,
        "{} bytes",
        built.report.size()
    );
}

#[test]
fn every_maintainer_script_of_nginx_is_accounted_for() {
    let Some(built) = build_example("nginx.yaml") else {
        return;
    };
    let scripts = &built.report.platforms[0].scripts;
    let of = |package: &str, script: &str| {
        let found = scripts
            .iter()
            .find(|s| s.package.as_str() == package && s.script == script);
        found.unwrap_or_else(|| panic!("{package} {script} is listed"))
    };
    let postinst = of("nginx-common", "postinst");
    assert!(
        postinst
            .covered
            .iter()
            .any(|effect| effect.starts_with("mkdir -p /var/www/html"))
    );
    assert!(
        postinst
            .irrelevant
            .iter()
            .any(|effect| effect.contains("no service manager"))
    );
    assert!(of("nginx-common", "prerm").covered.is_empty());
}
