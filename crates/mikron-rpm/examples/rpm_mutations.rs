//! Reads nearly good inputs of a format of rpm, and says what became of them, how fast, and how much memory it took. Anything
//! but an error is a fault: a panic, more than 10 s for one input, more than 64 MB.
//!
//! ```sh
//! cargo run --release -p mikron-rpm --example rpm_mutations -- primary 1000000
//! cargo run --release -p mikron-rpm --example rpm_mutations -- all 100000 SEED
//! ```

#[path = "../tests/mutated/mod.rs"]
mod mutated;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mikron_testkit::mutation::main(&mutated::FORMATS)
}
