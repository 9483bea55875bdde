//! Images of packages that are code of a language, with nothing else in their specs: the interpreter is there, and the code runs.

#![allow(clippy::unwrap_used)] // a test

mod common;

use common::{build, builder, extract_spec};
use mikron::Output;
use mikron_live::runtime::{Bundle, Run};

/// The image of some packages, extracted. `None` where something is missing that it takes.
fn image(packages: &str) -> Option<Bundle> {
    extract_spec(&spec(packages))
}

fn spec(packages: &str) -> String {
    format!(
        "mikron: 1
name: code
sources: {{ debian: {{ deb: bookworm }} }}
packages: [{packages}]
layers: {{ compression: none }}
"
    )
}

/// Runs commands in the image of some packages; what each prints has to hold this.
fn says(packages: &str, commands: &[(&[&str], &str)]) {
    let Some(bundle) = image(packages) else {
        return;
    };
    for (command, expected) in commands {
        let args = command.iter().map(|word| (*word).to_owned()).collect();
        let how = Run {
            args: Some(args),
            ..Run::default()
        };
        let finished = bundle.start(&how).finish();
        let text = finished.text();
        assert!(
            finished.status.success() && text.contains(expected),
            "{packages}: {command:?}: {}: {text}",
            finished.status
        );
    }
}

#[test]
fn python_brings_modules_of_packages_that_have_programs_too() {
    // Names of services come from a file that a rule brings for a module of the interpreter.
    let service = "import socket; print(socket.getservbyname('https'))";
    says(
        "python3-requests, python3-yaml, python3-docutils, python3-paramiko, python3-flask",
        &[
            (
                &[
                    "python3",
                    "-c",
                    "import flask; print(flask.Flask('x').test_client().get('/').status)",
                ],
                "404 NOT FOUND",
            ),
            (&["python3", "-c", service], "443"),
            (&["python3", "-c", "import paramiko; print('ok')"], "ok"),
            (
                &[
                    "python3",
                    "-c",
                    "import requests, charset_normalizer, yaml, ssl; print('ok')",
                ],
                "ok",
            ),
            (
                &["python3", "-c", "import docutils.core, roman; print('ok')"],
                "ok",
            ),
        ],
    );
}

#[test]
fn python_brings_the_libraries_and_programs_that_code_names() {
    let write = "from weasyprint import HTML; HTML(string='<p>x').write_pdf('/tmp/x.pdf'); print(open('/tmp/x.pdf', 'rb').read(5))";
    says(
        "python3-magic, python3-git, weasyprint",
        &[
            (
                &[
                    "python3",
                    "-c",
                    "import magic; print(magic.from_buffer(b'%PDF-1.4', mime=True))",
                ],
                "application/pdf",
            ),
            (
                &["python3", "-c", "import git; print(git.Git().version())"],
                "git version",
            ),
            (&["python3", "-c", write], "%PDF-"),
        ],
    );
}

#[test]
fn guile_finds_the_modules_of_character_sets_and_the_library_that_code_loads() {
    // The name of zlib stands in another file of its package than the call that loads it.
    let code = "(use-modules (lzlib) (zlib)) (display (defined? 'call-with-lzip-input-port))";
    says(
        "guile-lzlib, guile-zlib",
        &[(&["guile", "--no-auto-compile", "-c", code], "#t")],
    );
}

#[test]
fn python_finds_the_libraries_that_its_modules_name() {
    says(
        "python3-libarchive-c, python3-pysodium, python3-nss, python3-cryptography",
        &[
            (
                &[
                    "python3",
                    "-c",
                    "import libarchive; print(libarchive.ffi.version_number())",
                ],
                "300",
            ),
            (
                &[
                    "python3",
                    "-c",
                    "import pysodium; print(pysodium.crypto_hash_sha256(b'').hex())",
                ],
                "e3b0c442",
            ),
            (
                &[
                    "python3",
                    "-c",
                    "import nss.nss as nss; nss.nss_init_nodb(); print('ok')",
                ],
                "ok",
            ),
            (
                &[
                    "python3",
                    "-c",
                    "from cryptography.hazmat.backends.openssl import backend as b; print(b.openssl_version_text())",
                ],
                "OpenSSL 3",
            ),
        ],
    );
}

#[test]
fn perl_brings_what_modules_use() {
    let convert = "print unpack('H*', Text::Iconv->new('UTF-8', 'SHIFT_JIS')->convert('日'))";
    says(
        "libtext-iconv-perl, libnet-ssleay-perl, libauthen-simple-dbi-perl, libmodule-build-pluggable-perl",
        &[
            (&["perl", "-MText::Iconv", "-e", convert], "93fa"),
            (&["perl", "-MNet::SSLeay", "-e", "print 'ok'"], "ok"),
            (&["perl", "-MAuthen::Simple::DBI", "-e", "print 'ok'"], "ok"),
            (
                &["perl", "-MModule::Build::Pluggable", "-e", "print 'ok'"],
                "ok",
            ),
        ],
    );
}

#[test]
fn ruby_and_erlang_bring_their_interpreters() {
    // The package ruby depends on a later rubygems than the one that lies beside its library.
    let gems = "require 'rack'; require 'listen'; print $\".grep(/vendor_ruby.rubygems.rb/).length";
    says("ruby-rack, ruby-listen", &[(&["ruby", "-e", gems], "1")]);
    says(
        "erlang-os-mon",
        &[(
            &[
                "erl",
                "-noshell",
                "-eval",
                "{ok, _} = application:ensure_all_started(os_mon), io:format(\"ok\"), halt().",
            ],
            "ok",
        )],
    );
}

#[test]
fn a_package_that_stands_in_for_php_brings_the_modules_of_character_sets() {
    let convert = "echo iconv('UTF-8', 'ISO-8859-1//TRANSLIT', 'ok'), bin2hex(iconv('UTF-8', 'SHIFT_JIS', '日'));";
    says("php-cli", &[(&["php", "-r", convert], "ok93fa")]);
}

#[test]
fn requests_for_one_package_are_one_and_an_image_without_a_program_is_warned_of() {
    let Some(built) = build(&spec("\"nginx:licences\", nginx")) else {
        return;
    };
    let nginx = &built.report.platforms[0].packages;
    let nginx = nginx
        .iter()
        .find(|package| package.name.as_str() == "nginx");
    let capabilities = &nginx.expect("it is in").capabilities;
    for capability in ["bins", "licences"] {
        assert!(
            capabilities.iter().any(|known| known == capability),
            "{capabilities:?}"
        );
    }
    assert_eq!(built.report.platforms[0].warnings, Vec::<String>::new());
    let Some(built) = build(&spec("lua-json")) else {
        return;
    };
    let warnings = &built.report.platforms[0].warnings;
    assert!(
        warnings.iter().any(|text| text.contains("no program")),
        "{warnings:?}"
    );
}

#[test]
fn what_only_whole_packages_bring_warns_and_fails_when_the_spec_is_strict() {
    let whole = spec("iproute2") + "select: full\n";
    let Some(built) = build(&whole) else { return };
    let warnings = &built.report.platforms[0].warnings;
    assert!(
        warnings.iter().any(|text| text.contains("/usr/bin/routel")),
        "{warnings:?}"
    );
    let dir = tempfile::TempDir::new().unwrap();
    let Some(strict) = builder(&(whole + "strict: true\n"), dir.path()) else {
        return;
    };
    let layout = dir.path().join("layout");
    let error = strict.output(Output::layout(&layout, "latest")).build();
    assert!(error.unwrap_err().to_string().contains("/usr/bin/routel"));
}
