//! Specs that come with the product, to be extended or built as they are.

/// Names and texts, in order of name.
const BUILTINS: &[(&str, &str)] = &[
    ("base", include_str!("builtin/base.yaml")),
    ("base-nossl", include_str!("builtin/base-nossl.yaml")),
    ("cc", include_str!("builtin/cc.yaml")),
    ("flavours", include_str!("builtin/flavours.yaml")),
    ("haproxy", include_str!("builtin/haproxy.yaml")),
    ("java", include_str!("builtin/java.yaml")),
    ("nginx", include_str!("builtin/nginx.yaml")),
    ("nodejs", include_str!("builtin/nodejs.yaml")),
    ("perl", include_str!("builtin/perl.yaml")),
    ("php", include_str!("builtin/php.yaml")),
    ("postgresql", include_str!("builtin/postgresql.yaml")),
    ("python3", include_str!("builtin/python3.yaml")),
    ("redis", include_str!("builtin/redis.yaml")),
    ("ruby", include_str!("builtin/ruby.yaml")),
    ("static", include_str!("builtin/static.yaml")),
    ("valkey", include_str!("builtin/valkey.yaml")),
];

/// What stands before the name of a builtin in `extends`.
pub(crate) const PREFIX: &str = "builtin/";

/// The names of the specs that come with the product: `extends: [builtin/NAME]`.
pub fn builtins() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}

/// The text of a spec that comes with the product.
pub fn builtin(name: &str) -> Option<&'static str> {
    let found = BUILTINS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}
