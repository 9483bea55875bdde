//! The mikron command.

fn main() {}
