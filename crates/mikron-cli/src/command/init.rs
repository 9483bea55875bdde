//! `mikron init`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mikron::first_spec;
use mikron::source::Environment;

use super::print;
use crate::arguments::Init as Arguments;
use crate::failure::Failure;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let output = arguments.output.as_deref();
    // What the spec names is relative to where it lies.
    let directory = output.and_then(Path::parent).unwrap_or(Path::new(""));
    if !directory.as_os_str().is_empty() && output != Some(Path::new("-")) {
        return Err(Failure::Command {
            message: "a spec names what lies beside it".to_owned(),
            help: format!("go to {} first", directory.display()),
        });
    }
    let spec = first_spec(arguments.what.as_deref(), Path::new("."), &environment)?;
    let file = match output {
        Some(file) if file == Path::new("-") => return print(&spec.text),
        Some(file) => file.to_owned(),
        None => PathBuf::from(format!("{}.yaml", spec.name)),
    };
    let shown = file.display();
    let written = File::create_new(&file).and_then(|mut out| out.write_all(spec.text.as_bytes()));
    written.map_err(|error| Failure::Command {
        message: format!("cannot write {shown}: {error}"),
        help: match error.kind() {
            io::ErrorKind::AlreadyExists => "choose another name with -o FILE".to_owned(),
            _ => "-o - prints the spec".to_owned(),
        },
    })?;
    print(&format!("{shown}\nnext: mikron build {shown}\n"))
}
