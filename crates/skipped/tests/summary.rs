//! Prints what the test programs before this one have skipped, and why.

use mikron_testkit::skipped::Skipped;

fn main() {
    // Cargo asks for a list of tests at times; there is none here.
    if !std::env::args().any(|argument| argument == "--list") {
        println!("\n{}", Skipped::take_and_keep());
    }
}
