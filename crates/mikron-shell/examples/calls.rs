//! Prints what a script calls, one call a line; `?` before those of which a word is not known.
//!
//! ```sh
//! cargo run -p mikron-shell --example calls -- postinst
//! ```

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use mikron_shell::{Limits, commands_assuming, parse};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let text = fs::read(&path)?;
        let script = parse(&text, &Limits::default());
        let mut best = Duration::MAX;
        for _ in 0..16 {
            let start = Instant::now();
            let calls = commands_assuming(&script, &[("DPKG_ROOT", "")]);
            best = best.min(start.elapsed());
            drop(calls);
        }
        for call in commands_assuming(&script, &[("DPKG_ROOT", "")]) {
            let known = call.words.iter().chain(&call.writes).all(|w| w.literal);
            let mark = if known { ' ' } else { '?' };
            println!("{mark}{:5}  {}", call.line, call.text());
        }
        println!(
            "{}: {} bytes, {:.0} µs",
            path.display(),
            text.len(),
            best.as_secs_f64() * 1e6
        );
    }
    Ok(())
}
