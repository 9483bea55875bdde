//! Trees of one's own in images of the live archive, at work.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use common::builder;
use mikron::Output;
use mikron_live::runtime::{Bundle, Run};
use mikron_testkit::tools::tool;
use tempfile::TempDir;

/// An extension module in C that hands out the version of a library, without the headers of either.
const EXTENSION: &str = r#"
#include <stddef.h>
typedef struct object PyObject;
typedef struct { const char *name; PyObject *(*call)(PyObject *, PyObject *); int flags; const char *text; } Method;
typedef struct {
    struct { ptrdiff_t references; void *type; } head;
    void *init; ptrdiff_t index; void *copy;
    const char *name, *text; ptrdiff_t size; Method *methods;
    void *slots, *traverse, *clear, *release;
} Module;
extern PyObject *PyModule_Create2(Module *, int);
extern PyObject *PyUnicode_FromString(const char *);
extern const char *yaml_get_version_string(void);
static PyObject *version(PyObject *self, PyObject *none) { return PyUnicode_FromString(yaml_get_version_string()); }
static Method methods[] = {{"version", version, 4, 0}, {0}};
static Module module = {{1, 0}, 0, 0, 0, "_fast", 0, -1, methods};
PyObject *PyInit__fast(void) { return PyModule_Create2(&module, 1013); }
"#;

const SERVER: &str = "\
from http.server import BaseHTTPRequestHandler, HTTPServer
from fast import _fast

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'libyaml ' + _fast.version().encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(('', 8080), Handler).serve_forever()
";

/// A virtual environment with a wheel in it for one version of Python. `None` without a compiler.
fn application(at: &Path, python: &str) -> Option<()> {
    let compiler = tool("gcc")?;
    let site = at.join(format!("venv/lib/python{python}/site-packages/fast"));
    fs::create_dir_all(&site).unwrap();
    fs::create_dir_all(at.join("venv/bin")).unwrap();
    symlink("/usr/bin/python3", at.join("venv/bin/python")).unwrap();
    fs::write(at.join("venv/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    fs::write(site.join("__init__.py"), "NAME = 'fast'\n").unwrap();
    fs::write(at.join("main.py"), SERVER).unwrap();
    let work = TempDir::new().unwrap();
    let compile = |arguments: &[&str], source: &str| {
        fs::write(work.path().join("source.c"), source).unwrap();
        let mut command = Command::new(&compiler);
        let command = command
            .args(["-shared", "-fPIC", "source.c"])
            .args(arguments);
        assert!(command.current_dir(work.path()).status().unwrap().success());
    };
    // Something to link with: the image has the real one.
    let library = "const char *yaml_get_version_string(void) { return 0; }";
    compile(&["-o", "libyaml.so", "-Wl,-soname,libyaml-0.so.2"], library);
    let tag = python.replace('.', "");
    let module = site.join(format!("_fast.cpython-{tag}-x86_64-linux-gnu.so"));
    compile(&["libyaml.so", "-o", module.to_str().unwrap()], EXTENSION);
    Some(())
}

const SPEC: &str = "\
mikron: 1
name: app
sources: { debian: { deb: bookworm } }
files: [{ path: /srv/app, from: app }]
image: { entrypoint: [/srv/app/venv/bin/python, /srv/app/main.py] }
layers: { compression: none }
";

#[test]
fn a_python_tree_with_a_wheel_in_c_answers_over_http() {
    let home = TempDir::new().unwrap();
    if application(&home.path().join("app"), "3.11").is_none() {
        return;
    }
    let Some(builder) = builder(SPEC, home.path()) else {
        return;
    };
    let layout = home.path().join("layout");
    let built = builder.output(Output::layout(&layout, "latest")).build();
    built.unwrap_or_else(|error| panic!("{error}"));
    let Some(bundle) = Bundle::extract(&layout) else {
        return;
    };
    let mut container = bundle.start(&Run::default());
    let body = container.fetch(&["http://127.0.0.1:8080/"]);
    assert!(body.starts_with("libyaml 0.2."), "{body}");
}

#[test]
fn a_wheel_for_another_python_is_refused_with_both_versions() {
    let home = TempDir::new().unwrap();
    if application(&home.path().join("app"), "3.12").is_none() {
        return;
    }
    let Some(builder) = builder(SPEC, home.path()) else {
        return;
    };
    let error = builder.build().unwrap_err().to_string();
    assert!(
        error.contains("made for Python 3.12, and the image has 3.11"),
        "{error}"
    );
}
