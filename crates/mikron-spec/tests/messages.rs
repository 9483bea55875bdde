//! Every message that a person sees for a wrong spec, as it is shown.

mod common;

use std::fmt::Write as _;

use common::{HEAD, parse};

/// Renders what each document gets.
fn render(cases: &[&str]) -> String {
    let mut out = String::new();
    for rest in cases {
        let text = if rest.contains("mikron:") || rest.is_empty() {
            (*rest).to_owned()
        } else {
            format!("{HEAD}{rest}\n")
        };
        match parse(&text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => {
                let _ = writeln!(out, "{error}\n");
            }
        }
    }
    out
}

/// Holds the rendering against the snapshot of this name.
fn check(name: &str, cases: &[&str]) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, render(cases));
    });
}

#[test]
fn messages_about_the_document() {
    check(
        "messages_about_the_document",
        &[
            "",
            "mikron: 2\nname: a\nfuture: key\n",
            "mikron: one\nname: a\n",
            "name: a\n# mikron: 1\n",
            "mikron: 1\n",
            "mikron: 1\nname: Über\n",
            "mikron: 1\nname: a\npackages: [nginx]\n",
            "packages: [nginx\nimage: {}",
            "image:\n\tworkdir: /",
            "image: { cmd: [\"a }",
            "image: { cmd: [*args] }",
            "packages: nginx",
            "image: [nginx]",
            "kind: runtme",
            "kind: 1",
            "colour: red",
            "select: minimum",
            "extends: [builtin/statics]",
            "variants: []",
            "variants: { a: [] }",
            "variants: { latest: {} }",
            "variants: { A: {} }",
            "variants: { a: { name: b } }",
            "variants: { a: { extends: [b] } }",
            "variants: { a: { extends: [bb] }, b: {} }",
            "variants: { a: { extends: [b] }, b: { extends: [a] } }",
            "variants: { a: { run-as: app } }",
            "params: { A: ~ }\nrun-as: ${A}",
            "params: { A: ~ }\nrun-as: ${B}",
            "params: {}\nrun-as: ${B}",
            "params: { A: b }\nfiles: [{ path: /a, text: \"${A:-b\" }]",
            "params: { A: b }\nfiles: [{ path: /a, text: \"${#A}\" }]",
            "params: { A-B: b }",
            "params: [A]",
            "params: { A: [b] }",
            "params: { A: apps }\nrun-as: ${A}",
        ],
    );
}

#[test]
fn messages_about_sources() {
    check(
        "messages_about_sources",
        &[
            "mikron: 1\nname: a\nsources: { debian: { deb: bokworm } }\n",
            "mikron: 1\nname: a\nsources: { debian: { deb: jammy } }\n",
            "mikron: 1\nname: a\nsources: { debian: { dep: bookworm } }\n",
            "mikron: 1\nname: a\nsources: { debian: {} }\n",
            "mikron: 1\nname: a\nsources: { Debian: { deb: bookworm } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, rpm: 'https://example.org' } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, suite: bookworm-backports } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: ftp://example.org/debian } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: https://example.org/debian } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: https://example.org/debian, suite: stable } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: https://example.org, suite: ./, components: [main] } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: https://example.org, suite: ../x, keys: [k] } }\n",
            "mikron: 1\nname: a\nsources: { a: { rpm: el9 } }\n",
            "mikron: 1\nname: a\nsources: { a: { rpm: https://example.org, suite: el9 } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, allow: [expird] } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, priority: high } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, mirrors: { debian: example.org } } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: bookworm, ca: [company.pem] } }\n",
            "mikron: 1\nname: a\nsources: { a: { deb: https://example.org, suite: a, keys: [k], mirrors: { b: https://example.org } } }\n",
        ],
    );
}

#[test]
fn messages_about_packages() {
    check(
        "messages_about_packages",
        &[
            "packages: [nginx, curl, nginx]",
            "packages: [\"nginx (>= 1.22)\"]",
            "packages: [nginx=1.22]",
            "packages: [a/b]",
            "packages: [\"ca-certificates:\"]",
            "packages: [3]",
            "packages: [[nginx]]",
            "packages:\n  - { name: nginx, source: debain }",
            "packages:\n  - { name: nginx, source: vendor }",
            "packages:\n  - { nmae: nginx }",
            "packages:\n  - { name: a b }",
            "packages:\n  - { source: debian }",
            "packages:\n  - { name: nginx, version: \"> 1.22\" }",
            "packages:\n  - { name: nginx, version: \"~> 1.22\" }",
            "packages:\n  - { name: nginx, version: \">=\" }",
            "packages:\n  - { name: nginx, capabilities: [Data] }",
            "packages:\n  - { name: nginx, select: all }",
            "packages: [nginx_bins]",
            "packages: [nginx_bins_more]",
            "packages: [nginx_]",
            "packages: [nginx_b]",
            "packages: [_bins]",
            "definitions: [{ chisel: c }]\npackages: [nginx_bins, curl, nginx_bins]",
            "definitions: [{ chisel: c }]\npackages: [{ name: nginx, slices: [bins], capabilities: [bins] }]",
            "definitions: [{ chisel: c }]\npackages: [{ name: nginx, slices: [bins], select: full }]",
            "definitions: [{ chisel: c }]\npackages: [{ name: nginx, slices: [Bins] }]",
        ],
    );
}

#[test]
fn messages_about_files_and_accounts() {
    check(
        "messages_about_files_and_accounts",
        &[
            "files: [{ from: a }]",
            "files: [{ path: etc/a, text: a }]",
            "files: [{ path: /etc/../a, text: a }]",
            "files: [{ path: /, text: a }]",
            "files: [{ path: /a }]",
            "files: [{ path: /a, from: a, text: b }]",
            "files: [{ path: /a, type: directory, text: b }]",
            "files: [{ path: /a, type: symlink }]",
            "files: [{ path: /a, target: b, mode: \"0644\" }]",
            "files: [{ path: /a, type: dir }]",
            "files: [{ path: /a, text: b, mode: \"0888\" }]",
            "files: [{ path: /a, text: b, mode: 0644 }]",
            "files: [{ path: /a, text: b, owner: Nginx }]",
            "files: [{ path: /a, text: b, owner: nobdy }]",
            "files: [{ path: /a, from: 'https://example.org/a' }]",
            "files:\n  - { path: /a, text: b }\n  - { path: //a/, text: c }",
            "remove: [usr/share/doc]",
            "accounts: { users: [{ name: a }] }",
            "accounts: { users: [{ name: 1a, uid: 1 }] }",
            "accounts: { users: [{ name: a, uid: 1, comment: 'a:b' }] }",
            "accounts: { users: [{ name: a, uid: 1 }, { name: b, uid: 1 }] }",
            "accounts: { users: [{ name: a, uid: 1 }, { name: a, uid: 2 }] }",
            "accounts: { users: [{ name: a, uid: 1, home: tmp }] }",
            "accounts: { users: [{ name: root, uid: 5 }] }",
            "accounts: { groups: [{ name: a, gid: 1, members: [b] }] }",
            "packages: [nginx]\naccounts: { users: [{ name: nginx, uid: 101 }] }\nrun-as: ngnix",
            "run-as: somebody",
            "run-as: 'a:b:c'",
        ],
    );
}

#[test]
fn messages_about_the_image() {
    check(
        "messages_about_the_image",
        &[
            "image: { entrypoint: /usr/sbin/nginx -g }",
            "image: { entrypoint: [''] }",
            "image: { env: [A=1] }",
            "image: { env: { A=B: 1 } }",
            "image: { env: { A: [1] } }",
            "image: { workdir: tmp }",
            "image: { ports: [http] }",
            "image: { ports: [80/tpc] }",
            "image: { ports: [70000] }",
            "image: { ports: [80, 80/tcp] }",
            "image: { volumes: [data] }",
            "image: { stop-signal: quit }",
            "image: { stop-signal: SIGFOO }",
            "image: { stop_signal: SIGQUIT }",
            "image: { labels: { '': a } }",
            "platforms: []",
            "platforms: [linux/x86_64]",
            "platforms: [amd64]",
            "platforms: [windows/amd64]",
            "platforms: [linux/amd64, linux/amd64]",
            "layers: { strategy: packages }",
            "layers: { strategy: one }",
            "layers: { limit: 0 }",
            "layers: { limit: many }",
            "layers: { limit: -1 }",
            "layers: { compression: zstd:30 }",
            "layers: { compression: gzip:0 }",
            "layers: { compression: zst }",
            "layers: { compression: brotli }",
        ],
    );
}
