//! What images hold, listed and explained; and what layouts keep.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use common::{Home, SPEC};

/// The spec with a file, a link and a directory of its own.
const OWN: &str = "\
files:
  - { path: /etc/motd, text: \"hello\\n\" }
  - { path: /usr/bin/hi, target: greet }
  - { path: /srv/data, type: directory, owner: \"7\", mode: \"0750\" }
";

fn home() -> Home {
    let home = Home::new();
    home.write("greet.yaml", format!("{SPEC}{OWN}"));
    home
}

/// The files of the first platform of `mikron inspect --json`.
fn files(home: &Home, what: &str) -> Vec<serde_json::Value> {
    let run = home.run(&["-q", "inspect", what, "--json"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{what}");
    let image: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(image["image"], what);
    assert_eq!(image["platforms"][0]["platform"], "linux/amd64");
    let names = image["platforms"][0]["packages"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["greet", "libgreet1"], "{what}");
    image["platforms"][0]["files"].as_array().unwrap().clone()
}

#[test]
fn inspect_lists_every_file_of_an_image_wherever_that_is() {
    let home = home();
    let outputs = ["-o", "oci:img", "-o", "docker:img.tar"];
    let build = [&["-q", "build", "greet.yaml"][..], &outputs].concat();
    assert_eq!(home.run(&build).code, 0);
    home.snapshot("inspect_spec", &["-q", "inspect", "greet.yaml"]);
    home.snapshot("inspect_layout", &["-q", "inspect", "img"]);
    let of_spec = files(&home, "greet.yaml");
    let bare = |files: &[serde_json::Value]| -> Vec<serde_json::Value> {
        let mut files = files.to_vec();
        for file in files
            .iter_mut()
            .filter_map(serde_json::Value::as_object_mut)
        {
            file.remove("origin");
            file.remove("reason");
        }
        files
    };
    // The archive and the layout hold what the spec comes to.
    for what in ["img", "oci:img:latest", "img.tar", "docker:img.tar"] {
        assert_eq!(bare(&files(&home, what)), bare(&of_spec), "{what}");
    }
    let find = |path: &str| of_spec.iter().find(|file| file["path"] == path).unwrap();
    let data = find("/srv/data");
    assert_eq!(
        (&data["type"], &data["mode"], &data["uid"]),
        (&"directory".into(), &"0750".into(), &7.into())
    );
    let library = find("/usr/lib/x86_64-linux-gnu/libgreet.so.1.0");
    assert_eq!(library["origin"], "libgreet1:libs");
    assert!(
        library["reason"]
            .as_str()
            .unwrap()
            .contains("libgreet.so.1"),
        "{library}"
    );
    assert_eq!(find("/usr/bin/hi")["link"], "greet");
    // A lock knows packages and no files.
    assert_eq!(home.run(&["-q", "lock", "greet.yaml"]).code, 0);
    let run = home.run(&["-q", "inspect", "greet.lock"]);
    assert!(
        run.out.starts_with("linux/amd64: 2 packages\n"),
        "{}",
        run.out
    );
}

#[test]
fn explain_knows_every_path_that_inspect_lists() {
    let home = home();
    let mut paths: Vec<String> = files(&home, "greet.yaml")
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    assert!(paths.len() > 12, "{paths:?}");
    // And by other names: the root, a slash behind it, through links of directories.
    let others = [
        "/",
        "/srv/data/",
        "/bin/hi",
        "/lib/x86_64-linux-gnu/libgreet.so.1",
    ];
    paths.extend(others.map(str::to_owned));
    for path in paths {
        let run = home.run(&["-q", "explain", "greet.yaml", &path]);
        let says = format!("linux/amd64: {path} is in the image");
        assert!(
            run.code == 0 && run.out.starts_with(&says),
            "{path}: {}{}",
            run.out,
            run.err
        );
    }
    assert_eq!(
        home.run(&["-q", "explain", "greet.yaml", "/srv/none"]).code,
        1
    );
}

#[test]
fn diff_reads_archives_for_docker_and_layouts_without_a_tag() {
    let home = home();
    let build = [
        "-q",
        "build",
        "greet.yaml",
        "-o",
        "docker:a.tar",
        "-o",
        "oci:img:other",
    ];
    assert_eq!(home.run(&build).code, 0);
    for (a, b) in [("a.tar", "greet.yaml"), ("img", "docker:a.tar")] {
        let run = home.run(&["-q", "diff", a, b]);
        assert_eq!(
            (run.code, run.out.as_str()),
            (0, "linux/amd64: no difference\n"),
            "{a} {b}: {}",
            run.err
        );
    }
}

#[test]
fn a_layout_keeps_what_its_tags_reach_and_nothing_else() {
    let home = home();
    let blobs = || {
        std::fs::read_dir(home.path("img/blobs/sha256"))
            .unwrap()
            .count()
    };
    let build = |text: &str, more: &[&str]| {
        home.write("greet.yaml", SPEC.to_owned() + &OWN.replace("hello", text));
        let run = home.run(&[&["-q", "build", "greet.yaml"][..], more].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""));
    };
    build("one", &["-o", "oci:img:a"]);
    let one = blobs();
    for text in ["two", "three", "one"] {
        build(text, &["-o", "oci:img:a"]);
        assert_eq!(blobs(), one, "{text}");
    }
    // What another tag reaches stays, and so does all where that is asked for.
    build("two", &["-o", "oci:img:b"]);
    let both = blobs();
    assert!(both > one);
    build("three", &["-o", "oci:img:a", "--keep"]);
    assert!(blobs() > both);
    build("three", &["-o", "oci:img:a"]);
    assert_eq!(blobs(), both);
    for tag in ["a", "b"] {
        let run = home.run(&["-q", "inspect", &format!("oci:img:{tag}")]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{tag}");
    }
}

#[test]
fn what_is_known_on_the_day_of_the_build_alone_can_be_annotated_and_changes_nothing_else() {
    let home = home();
    let manifest = |more: &[&str]| -> serde_json::Value {
        let build = ["-q", "build", "greet.yaml", "--json"];
        let run = home.run(&[&build, more].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let digest = report["digest"].as_str().unwrap().replace(':', "/");
        serde_json::from_str(&home.read(&format!("out/greet/blobs/{digest}"))).unwrap()
    };
    let plain = manifest(&[]);
    let revision = "org.opencontainers.image.revision";
    let mut annotated = manifest(&["--annotation", &format!("{revision}=1f3c=")]);
    assert_eq!(annotated["annotations"][revision], "1f3c=");
    let all = annotated["annotations"].as_object_mut().unwrap();
    all.remove(revision);
    if all.is_empty() {
        annotated.as_object_mut().unwrap().remove("annotations");
    }
    assert_eq!(annotated, plain);
    // What was said once is not remembered for a build that does not say it.
    assert_eq!(manifest(&[]), plain);
}
