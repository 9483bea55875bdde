//! Tokens as text: `soname(libssl.so.3)`.

use std::fmt;
use std::str::FromStr;

use super::{ModuleKind, Token};

/// The longest text that is read as a token, in bytes: a path and its parentheses.
const MAX_LEN: usize = 4200;

/// A text that is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no token: {kind}", shown(.text))]
pub struct TokenError {
    /// The text, cut where it is very long.
    pub text: String,
    /// What is wrong with it.
    pub kind: TokenErrorKind,
}

/// What is wrong with a text that is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// It is not of the form `kind(name)`.
    #[error("write it like `soname(libssl.so.3)`")]
    Form,
    /// There is no such kind.
    #[error("there is no kind `{}` (there are {})", shown(.kind), Token::KINDS.join(", "))]
    Kind {
        /// What stands before the parenthesis.
        kind: String,
    },
    /// Nothing stands inside the parentheses, or on one side of their comma.
    #[error("a name is missing inside the parentheses")]
    Empty,
    /// A path that does not begin with a slash.
    #[error("a path begins with a slash, as in `path(/bin/sh)`")]
    Relative,
    /// It is longer than any path can be.
    #[error("it is longer than {MAX_LEN} bytes")]
    Long,
}

fn shown(text: &str) -> String {
    text.escape_debug().take(200).collect()
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::SymbolVersion(name, more) | Self::Package(name, Some(more)) => {
                write!(f, "{kind}({name}, {more})")
            }
            Self::Soname(name)
            | Self::Symbol(name)
            | Self::Path(name)
            | Self::Command(name)
            | Self::User(name)
            | Self::Group(name)
            | Self::PkgConfig(name)
            | Self::Package(name, None)
            | Self::Kernel(name)
            | Self::Cpu(name)
            | Self::Module(_, name) => write!(f, "{kind}({name})"),
        }
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        parse(text).map_err(|kind| TokenError {
            text: text.chars().take(200).collect(),
            kind,
        })
    }
}

fn parse(text: &str) -> Result<Token, TokenErrorKind> {
    if text.len() > MAX_LEN {
        return Err(TokenErrorKind::Long);
    }
    let (kind, rest) = text.trim().split_once('(').ok_or(TokenErrorKind::Form)?;
    let inside = rest.strip_suffix(')').ok_or(TokenErrorKind::Form)?.trim();
    if inside.is_empty() {
        return Err(TokenErrorKind::Empty);
    }
    let name = inside.to_owned();
    // Only names that cannot hold a comma may be followed by one.
    let pair = || match inside.split_once(',') {
        None => Ok(None),
        Some((name, more)) => {
            let (name, more) = (name.trim(), more.trim());
            if name.is_empty() || more.is_empty() {
                return Err(TokenErrorKind::Empty);
            }
            Ok(Some((name.to_owned(), more.to_owned())))
        }
    };
    Ok(match kind {
        "soname" => match pair()? {
            Some((library, version)) => Token::SymbolVersion(library, version),
            None => Token::Soname(name),
        },
        "package" => match pair()? {
            Some((name, version)) => Token::Package(name, Some(version)),
            None => Token::Package(name, None),
        },
        "path" if name.starts_with('/') => Token::Path(name),
        "path" => return Err(TokenErrorKind::Relative),
        "symbol" => Token::Symbol(name),
        "command" => Token::Command(name),
        "user" => Token::User(name),
        "group" => Token::Group(name),
        "pkgconfig" => Token::PkgConfig(name),
        "kernel" => Token::Kernel(name),
        "cpu" => Token::Cpu(name),
        other => {
            let module = ModuleKind::ALL.into_iter().find(|m| m.name() == other);
            let unknown = || TokenErrorKind::Kind {
                kind: other.chars().take(200).collect(),
            };
            Token::Module(module.ok_or_else(unknown)?, name)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        for text in [
            "soname(libssl.so.3)",
            "soname(libc.so.6, GLIBC_2.34)",
            "path(/usr/share/a, b (c))",
            "symbol(deflate@ZLIB_1.2)",
            "command(sh)",
            "user(www-data)",
            "group(adm)",
            "pkgconfig(gtk+-3.0)",
            "package(nginx)",
            "package(libc6, >= 2.34)",
            "kernel(3.2.0)",
            "cpu(x86-64-v3)",
            "python(requests)",
            "python-dist(PyYAML)",
            "perl(File::Find)",
            "gem(rake)",
            "jar(commons-io)",
            "node(@types/node)",
        ] {
            let token: Token = text.parse().unwrap();
            assert_eq!(token.to_string(), text);
            let json = serde_json::to_string(&token).unwrap();
            assert_eq!(serde_json::from_str::<Token>(&json).unwrap(), token);
            let bytes = postcard::to_stdvec(&token).unwrap();
            assert_eq!(postcard::from_bytes::<Token>(&bytes).unwrap(), token);
        }
    }

    #[test]
    fn every_kind_is_listed_and_read() {
        for kind in Token::KINDS {
            let token: Token = format!("{kind}(/x)").parse().unwrap();
            assert_eq!(token.kind(), kind);
        }
    }

    #[test]
    fn what_is_no_token_says_what_is_wrong() {
        let long = format!("path(/{})", "a".repeat(5000));
        for (text, kind) in [
            ("", TokenErrorKind::Form),
            ("soname", TokenErrorKind::Form),
            ("soname(a", TokenErrorKind::Form),
            ("soname()", TokenErrorKind::Empty),
            ("soname(a,)", TokenErrorKind::Empty),
            ("package(, = 1)", TokenErrorKind::Empty),
            ("path(bin/sh)", TokenErrorKind::Relative),
            (long.as_str(), TokenErrorKind::Long),
        ] {
            assert_eq!(text.parse::<Token>().unwrap_err().kind, kind, "{text}");
        }
        let error = "lib\u{1b}(x)".parse::<Token>().unwrap_err();
        assert!(matches!(&error.kind, TokenErrorKind::Kind { .. }));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
