//! Every message about a release, as it is shown.

use std::fmt::Write as _;

use mikron_package::{Architecture, Limits};
use mikron_slices::{Release, SourceFile};

use crate::{keys, package, read, sound, synthetic};

fn show(out: &mut String, error: &mikron_slices::SliceError) {
    let _ = writeln!(out, "{error}\n");
}

#[test]
fn messages_about_the_head() {
    let head = synthetic::head("v1");
    let archive =
        "{version: 24.04, components: [main], suites: [noble], public-keys: [archive-key]";
    let second = |more: &str| {
        let line = format!("archives:\n  other: {archive}{more}}}\n");
        head.replace("archives:\n", &line)
    };
    let heads = [
        String::new(),
        "format: v9\n".to_owned(),
        "format: chisel-v1\n".to_owned(),
        "formt: v1\n".to_owned(),
        "format: v1\n".to_owned(),
        "format: [v1\n".to_owned(),
        head.replace("    version: 24.04\n", ""),
        head.replace("[main, universe]", "[]"),
        head.replace("suites:", "suits:"),
        head.replace("[archive-key]", "[archive-kee]"),
        head.replace("0123456789ABCDEF", "0123"),
        head.replace("-----BEGIN", "----BEGIN"),
        head.replace("2024-04-25", "25.4.2024"),
        head.replace("  end-of-life: 2036-04-29\n", ""),
        second(""),
        second(", priority: 10"),
        second(", priority: 0").replace("    version", "    priority: 10\n    version"),
        second(", priority: 10").replace("    version", "    priority: 10\n    version"),
        second(", default: true").replace("    version", "    default: true\n    version"),
        format!("{head}v2-archives:\n  main: {archive}}}\n"),
        format!("{head}v2-archives:\n  more: {archive}, priority: 2}}\n").replace("v1", "v2"),
        head.replace("    version", "    default: true\n    version")
            .replace("v1", "v2"),
        format!("{head}stores:\n  bin: {{kind: bin}}\n"),
        format!("{head}stores:\n  bin: {{kind: bin}}\n").replace("format: v1", "format: v3"),
    ];
    let mut out = String::new();
    for head in heads {
        let files = [SourceFile::new("chisel.yaml", &head)];
        match Release::of_files(&files, &Limits::default()) {
            Ok(_) => panic!("accepted: {head}"),
            Err(error) => show(&mut out, &error),
        }
    }
    insta::assert_snapshot!(out);
}

fn messages(format: &str, packages: &[&str]) -> String {
    let mut out = String::new();
    for text in packages {
        let texts: Vec<&str> = text.split("---\n").collect();
        match read(format, &texts) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => show(&mut out, &error),
        }
    }
    out
}

#[test]
fn messages_about_a_file() {
    let out = messages(
        "v1",
        &[
            "package: aa\nslices:\n  bins:\n    content:\n      /x:\n",
            "package: aa\npackge: bb\n",
            "package: aa\nslices:\n  bins:\n    contents:\n      /x: {symlnk: /y}\n",
            "slices: {}\n",
            "package: a\n",
            "package: Nginx\n",
            "package: aa\nslices: [bins]\n",
            "package: aa\nslices:\n  bins:\n  bins:\n",
            "package: aa\nslices:\n\tbins:\n",
            "package: aa\nslices: !moon {}\n",
            "package: aa\narchive: moon\n",
            "package: aa\nstore: bin\ndefault-track: latest\n",
            "package: aa\nslices:\n  Bins:\n",
            "package: aa\nslices:\n  ab:\n",
            "package: aa\nslices:\n  bins:\n    hint: A line that is much longer than what fits into forty bytes\n",
        ],
    );
    insta::assert_snapshot!(out);
}

#[test]
fn a_file_is_named_after_its_package() {
    let files = [
        SourceFile::new("chisel.yaml", &synthetic::head("v1")),
        SourceFile::new("slices/nginx.yaml", "package: ngnix\n"),
    ];
    let error = sound(Release::of_files(&files, &Limits::default())).unwrap_err();
    let twice = [
        files[0].clone(),
        SourceFile::new("slices/nginx.yaml", "package: nginx\n"),
        SourceFile::new("slices/more/nginx.yaml", "package: nginx\n"),
    ];
    let again = sound(Release::of_files(&twice, &Limits::default())).unwrap_err();
    let named = [
        files[0].clone(),
        SourceFile::new("slices/Not_A_Package.yaml", "package: x\n"),
    ];
    let name = sound(Release::of_files(&named, &Limits::default())).unwrap_err();
    insta::assert_snapshot!(format!("{error}\n\n{again}\n\n{name}"));
}

#[test]
fn messages_about_essentials() {
    let out = messages(
        "v1",
        &[
            "package: aa\nessential: [aa_two]\nslices:\n  one:\n",
            "package: aa\nslices:\n  one:\n    essential:\n      - aa_tow\n  two:\n",
            "package: aa\nslices:\n  one:\n    essential:\n      - ab_one\n",
            "package: aa\nslices:\n  one:\n    essential: [two]\n  two:\n",
            "package: aa\nslices:\n  one:\n    essential: [aa_one]\n",
            "package: aa\nslices:\n  one:\n    essential: [aa_two, aa_two]\n  two:\n",
            "package: aa\nessential: [aa_two]\nslices:\n  one:\n    essential: [aa_two]\n  two:\n",
            "package: aa\nslices:\n  one:\n    essential: {aa_two: {}}\n  two:\n",
            "package: aa\nslices:\n  one:\n    v3-essential: {aa_two: {arch: sparc}}\n  two:\n",
            "package: aa\nslices:\n  one:\n    essential: [aa_two]\n  two:\n    essential: [bb_one]\n---\npackage: bb\nslices:\n  one:\n    essential: [aa_one]\n",
        ],
    );
    insta::assert_snapshot!(out);
    let out = messages(
        "v3",
        &[
            "package: aa\nslices:\n  one:\n    essential: [aa_two]\n  two:\n",
            "package: aa\nslices:\n  one:\n    v3-essential: {aa_two: {}}\n  two:\n",
            "package: aa\nv3-essential: {aa_two: {}}\nslices:\n  two:\n",
            "package: aa\nslices:\n  one:\n    essential: {aa_two: {arhc: amd64}}\n  two:\n",
            "package: aa\ndefault-track: latest\n",
            "package: aa\nstore: bin\n",
            "package: aa\nstore: bin\ndefault-track: latest/edge\n",
            "package: aa\nstore: bin\narchive: main\ndefault-track: latest\n",
            "package: aa\nstore: bin\ndefault-track: latest\n",
            "package: aa\nslices:\n  one:\n    contents:\n      /x: {channel: a/b}\n",
        ],
    );
    insta::assert_snapshot!(out);
}

#[test]
fn messages_about_paths() {
    let contents = [
        "usr/bin/x:",
        "/:",
        "/usr//bin:",
        "/usr/./bin:",
        "/usr/../bin:",
        "/x: {make: true}",
        "/d/: {text: x}",
        "/x: {text: x, symlink: /y}",
        "/x: {text: x, copy: /y}",
        "/d/: {make: true, symlink: /y}",
        "/x/**: {text: x}",
        "/x/*: {mode: 0644}",
        "/x/?: {mutable: true}",
        "/x/*: {prefer: bb}",
        "/x/*: {copy: /y}",
        "/x: {copy: y}",
        "/x: {copy: /y/*}",
        "/x: {copy: /y/}",
        "/x: {symlink: /y, mode: 0755}",
        "/x: {symlink: /y, mutable: true}",
        "/d/: {mutable: true}",
        "/x: {mode: rwxr-xr-x}",
        "/x: {mode: 070000}",
        "/x: {mode: 0888}",
        "/x: {until: tomorrow}",
        "/x: {arch: x86}",
        "/x: {arch: [amd64, {}]}",
        "/x: {make: yes}",
        "/x/**: {generate: sbom}",
        "/x/: {generate: manifest}",
        "/x*/**: {generate: manifest}",
        "/**: {generate: manifest}",
        "/x/**: {generate: manifest, until: mutate}",
        "/x/**: {generate: manifest, text: x}",
        "/x: {prefer: aa}",
        "/x: {prefer: 'No Package'}",
        "/x: {prefer: bb}",
    ];
    let packages: Vec<String> = contents.iter().map(|line| package("aa", &[line])).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let out = messages("v2", &packages);
    insta::assert_snapshot!(out);
}

#[test]
fn messages_about_preferences() {
    let prefers = |name: &str, other: &str| package(name, &[&format!("/x: {{prefer: {other}}}")]);
    let cases = [
        [prefers("aa", "cc"), prefers("bb", "cc"), package("cc", &["/x:"])].join("---\n"),
        [prefers("aa", "bb"), prefers("bb", "aa")].join("---\n"),
        "package: aa\nslices:\n  one:\n    contents:\n      /x: {prefer: bb}\n  two:\n    contents:\n      /x:\n---\npackage: bb\n".to_owned(),
    ];
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    let out = messages("v2", &cases);
    insta::assert_snapshot!(out);
}

#[test]
fn messages_about_a_selection() {
    let text = "package: aa\nslices:\n  bins:\n    contents:\n      /usr/lib/**:\n      /etc/x: {text: a, mode: 0600, mutable: true}\n  conf:\n    contents:\n      /etc/x: {text: a}\n";
    let other = package("bb", &["/usr/lib/b/c:"]);
    let release = read("v1", &[text, &other]).unwrap();
    let mut out = String::new();
    for wanted in [
        &["aa_bin"][..],
        &["ab_bins"],
        &["nothing_alike"],
        &["aa_bins", "aa_conf"],
        &["bb_bins", "aa_bins"],
    ] {
        let error = release
            .select(&keys(wanted), Architecture::Amd64)
            .unwrap_err();
        show(&mut out, &error);
    }
    for error in release.check() {
        show(&mut out, &error);
    }
    for name in ["nginx", "nginx_", "a_bins", "nginx_Bins"] {
        show(
            &mut out,
            &name.parse::<mikron_slices::SliceKey>().unwrap_err(),
        );
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_check_reads_every_script() {
    let text = "package: aa\nslices:\n  bins:\n    contents:\n    mutate: |\n      for x in\n";
    let release = read("v1", &[text]).unwrap();
    let errors = release.check();
    assert_eq!(errors.len(), 1);
    insta::assert_snapshot!(errors[0]);
}
