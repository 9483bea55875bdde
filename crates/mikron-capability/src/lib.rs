//! Which files: facts, capabilities, the closure and its reasons
