//! Reads every shell script at and below the given paths, and compares with `dash -n` and `bash -n`: what a shell accepts is
//! parsed to its end. Prints counts, the time that our reader took, and every disagreement.
//!
//! ```sh
//! cargo run --release -p mikron-shell --example survey_scripts -- /usr/bin /usr/lib /etc/init.d
//! ```

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mikron_shell::{Kind, Limits, commands, parse};
use mikron_testkit::tools::tool;

#[path = "../tests/common/machine.rs"]
mod machine;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let roots: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (Some(dash), Some(bash)) = (tool("dash"), tool("bash")) else {
        return Err("dash or bash is missing".into());
    };
    let paths = machine::scripts(&roots);
    let (mut bytes, mut whole, mut refused, mut different, mut other_shell) = (0, 0, 0, 0, 0);
    let (mut calls, mut unknown) = (0, 0);
    let (mut parsing, mut analysis) = (Duration::ZERO, Duration::ZERO);
    for path in &paths {
        let text = fs::read(path)?;
        bytes += text.len();
        let start = Instant::now();
        let script = parse(&text, &Limits::default());
        parsing += start.elapsed();
        let start = Instant::now();
        let found = commands(&script);
        analysis += start.elapsed();
        let programs = found.iter().filter(|call| call.kind == Kind::Command);
        calls += programs.clone().count();
        unknown += programs.filter(|call| call.name().is_empty()).count();
        let own = machine::shell(path).unwrap_or("dash");
        let (first, second) = if own == "dash" {
            (&dash, &bash)
        } else {
            (&bash, &dash)
        };
        whole += usize::from(script.error.is_none());
        let accepted = machine::accepts(first, path);
        refused += usize::from(!accepted);
        match (&script.error, accepted) {
            (None, true) | (Some(_), false) => {}
            (None, false) if machine::accepts(second, path) => other_shell += 1,
            (None, false) => {
                different += 1;
                println!("{}: {own} refuses it, we do not", path.display());
            }
            (Some(error), true) => {
                different += 1;
                println!("{}: {error}; {own} takes it", path.display());
            }
        }
    }
    println!(
        "{} scripts, {bytes} bytes; {whole} parsed to the end",
        paths.len()
    );
    println!("refused by their own shell: {refused}, of which another shell takes {other_shell}");
    println!("{calls} calls of programs, {unknown} of them by a name that is not known");
    println!(
        "parser: {:.1} ms, analysis: {:.1} ms",
        parsing.as_secs_f64() * 1e3,
        analysis.as_secs_f64() * 1e3
    );
    println!("different: {different}");
    Ok(if different == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
