//! Applications in languages that the first list has not.

use crate::battery::Stage;

/// Asks the application for a page.
fn page(stage: &Stage, url: &str) -> String {
    stage.serve().fetch(&[url])
}

pub(super) fn erlang(stage: &Stage) {
    let mut server = stage.serve();
    server.says("ready 9DD4E461268C8034F5C8564E155C67A6");
    let page = server.fetch(&["--include", "http://localhost:8080/index.html"]);
    assert!(
        page.contains("It works.") && page.contains("text/html"),
        "{page}"
    );
}

pub(super) fn lua(stage: &Stage) {
    assert_eq!(
        page(stage, "http://localhost:8080/word"),
        "{\"path\":\"/word\"}"
    );
}

pub(super) fn guile(stage: &Stage) {
    assert_eq!(page(stage, "http://localhost:8080/bananas"), "bononos 45");
}

pub(super) fn tcl(stage: &Stage) {
    assert_eq!(
        page(stage, "http://localhost:8080/").trim(),
        "hello 2d711642"
    );
}

pub(super) fn ocaml(stage: &Stage) {
    let program =
        "let () = print_endline (String.concat \" \" (Str.split (Str.regexp \",\") \"a,b\"));
  Printf.printf \"%d %s\\n\" (Unix.getpid () * 0 + 42) (Digest.to_hex (Digest.string \"x\"))\n";
    std::fs::write(stage.rootfs().join("desk/main.ml"), program).expect("writable");
    let libraries = ["unix.cma", "str.cma"];
    let said = "a b\n42 9dd4e461268c8034f5c8564e155c67a6\n";
    let top = stage.call(&[&["-I", "+unix"], &libraries[..], &["/desk/main.ml"]].concat());
    assert_eq!(top.well(), said);
    let compile = ["/usr/bin/ocamlc", "-o", "/desk/main"];
    stage
        .run(&[&compile[..], &libraries, &["/desk/main.ml"]].concat())
        .well();
    assert_eq!(stage.run(&["/usr/bin/ocamlrun", "/desk/main"]).well(), said);
}

pub(super) fn uwsgi(stage: &Stage) {
    let mut server = stage.serve();
    assert_eq!(
        server.fetch(&["http://localhost:8080/word"]),
        "{\"path\": \"/word\"}"
    );
    server.signal("INT");
    server.wait();
    let output = server.output();
    assert!(
        !output.contains("Traceback") && !output.contains("unable"),
        "{output}"
    );
}

pub(super) fn gunicorn(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.fetch(&["http://localhost:8080/word"]);
    assert!(
        answer.contains("\"WORD\"") && answer.contains("\"word\""),
        "{answer}"
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn puma(stage: &Stage) {
    let mut server = stage.serve();
    let answer = server.fetch(&["http://localhost:8080/word"]);
    assert_eq!(answer, "{\"word\":\"WORD\",\"page\":\"42\"}");
    server.signal("INT");
    server.wait();
    let output = server.output();
    assert!(!output.contains("Error"), "{output}");
}
