//! Tokens: what one capability provides and another requires.
//!
//! What each capability provides and requires, and who provides what to whom, mikron-matrix finds.

mod text;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use text::{TokenError, TokenErrorKind};

/// What one file or package requires and another provides.
///
/// A token has one form as text, which [`std::fmt::Display`] writes and [`std::str::FromStr`] reads, and which stands for it in
/// JSON, too:
///
/// ```
/// use mikron_select::{ModuleKind, Token};
/// let token: Token = "soname(libc.so.6, GLIBC_2.34)".parse()?;
/// assert_eq!(token, Token::SymbolVersion("libc.so.6".to_owned(), "GLIBC_2.34".to_owned()));
/// assert_eq!(Token::Module(ModuleKind::Perl, "File::Find".to_owned()).to_string(), "perl(File::Find)");
/// assert!("soname".parse::<Token>().is_err());
/// # Ok::<(), mikron_select::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// A library, by the name that the loader looks for: `soname(libssl.so.3)`.
    Soname(String),
    /// A symbol version of a library: `soname(libc.so.6, GLIBC_2.34)`.
    SymbolVersion(String, String),
    /// A symbol, with its version where it is bound to one: `symbol(deflate@ZLIB_1.2)`.
    Symbol(String),
    /// A path: of an interpreter, of the target of a symbolic link, of a loader: `path(/bin/sh)`.
    Path(String),
    /// A command on `PATH`: `command(nginx)`.
    Command(String),
    /// A user, by name: `user(www-data)`.
    User(String),
    /// A group, by name: `group(adm)`.
    Group(String),
    /// A description for pkg-config, by the name that it is asked for: `pkgconfig(zlib)`.
    PkgConfig(String),
    /// A package: `package(nginx)`, `package(nginx, = 1.22.1-9)` of one that provides it, `package(libc6, >= 2.34)` of one that
    /// requires it.
    Package(String, Option<String>),
    /// The oldest kernel that a program runs on (`NT_GNU_ABI_TAG`): `kernel(3.2.0)`.
    Kernel(String),
    /// The processors that a program runs on (x86-64 psABI, "Program Property"): `cpu(x86-64-v3)`.
    Cpu(String),
    /// A module of an interpreted language: `python(requests)`, `perl(File::Find)`.
    Module(ModuleKind, String),
}

/// What is counted as a module, and where it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// A top-level Python module, by the name that `import` takes.
    Python,
    /// A Python distribution, by the name in its `.dist-info` or `.egg-info` (PyPA, "Core metadata").
    PythonDist,
    /// A Perl module: `File::Find`.
    Perl,
    /// A Ruby gem, by the name in its gemspec.
    Gem,
    /// A Java archive, by file name without `.jar`.
    Jar,
    /// A Node.js module, with its scope: `@types/node`.
    Node,
}

impl ModuleKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Python,
        Self::PythonDist,
        Self::Perl,
        Self::Gem,
        Self::Jar,
        Self::Node,
    ];

    /// The word before the parenthesis.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::PythonDist => "python-dist",
            Self::Perl => "perl",
            Self::Gem => "gem",
            Self::Jar => "jar",
            Self::Node => "node",
        }
    }
}

impl Token {
    /// The words that a token can begin with, in the order in which they are listed for people.
    pub const KINDS: [&'static str; 16] = [
        "soname",
        "symbol",
        "path",
        "command",
        "user",
        "group",
        "package",
        "pkgconfig",
        "kernel",
        "cpu",
        "python",
        "python-dist",
        "perl",
        "gem",
        "jar",
        "node",
    ];

    /// The word before the parenthesis: `soname`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Soname(_) | Self::SymbolVersion(..) => "soname",
            Self::Symbol(_) => "symbol",
            Self::Path(_) => "path",
            Self::Command(_) => "command",
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::PkgConfig(_) => "pkgconfig",
            Self::Package(..) => "package",
            Self::Kernel(_) => "kernel",
            Self::Cpu(_) => "cpu",
            Self::Module(kind, _) => kind.name(),
        }
    }
}

/// The shape for compact formats, which have no use for text.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Token", rename_all = "kebab-case")]
enum Compact {
    Soname(String),
    SymbolVersion(String, String),
    Symbol(String),
    Path(String),
    Command(String),
    User(String),
    Group(String),
    PkgConfig(String),
    Package(String, Option<String>),
    Kernel(String),
    Cpu(String),
    Module(ModuleKind, String),
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            Compact::serialize(self, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            Compact::deserialize(deserializer)
        }
    }
}
