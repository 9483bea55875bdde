//! Maintainer scripts, and what their kinds mean.

use serde::{Deserialize, Serialize};

/// A maintainer script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name in the family's words: `postinst`, `%post`, `.post-install`.
    pub name: String,
    /// Its text.
    pub text: Vec<u8>,
    /// When it runs.
    pub when: When,
    /// What it is told when its package is installed anew.
    pub arguments: Vec<String>,
}

/// When the package manager of a family runs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before everything else, to ask questions (debconf's `config`).
    Questions,
    /// When the package is installed, before its files are there.
    Before,
    /// When the package is installed, and its files are there.
    After,
    /// Only when the package is upgraded, before the new files are there.
    BeforeUpgrade,
    /// Only when the package is upgraded.
    AfterUpgrade,
    /// Only when the package is upgraded or removed, while its files are there.
    BeforeRemoval,
    /// Only when the package is upgraded or removed.
    AfterRemoval,
    /// Only when somebody asks whether the package is intact.
    Verification,
}

/// A kind of scripts that a family has.
///
/// ```
/// use mikron_package::{ScriptKind, When};
/// const KINDS: [ScriptKind; 2] = [
///     ScriptKind { name: "pre_install", when: When::Before, arguments: &["1.0-1"] },
///     ScriptKind { name: "post_remove", when: When::AfterRemoval, arguments: &[] },
/// ];
/// let script = ScriptKind::of(&KINDS, "pre_install").map(|kind| kind.script(b"exit 0\n".to_vec()));
/// assert_eq!(script.map(|script| script.arguments), Some(vec!["1.0-1".to_owned()]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptKind {
    /// Its name.
    pub name: &'static str,
    /// When it runs.
    pub when: When,
    /// What it is told when its package is installed anew.
    pub arguments: &'static [&'static str],
}

impl ScriptKind {
    /// The kind of a name.
    pub fn of<'k>(kinds: &'k [Self], name: &str) -> Option<&'k Self> {
        kinds.iter().find(|kind| kind.name == name)
    }

    /// A script of this kind.
    pub fn script(&self, text: Vec<u8>) -> Script {
        let arguments = self.arguments.iter();
        Script {
            name: self.name.to_owned(),
            text,
            when: self.when,
            arguments: arguments.map(|word| (*word).to_owned()).collect(),
        }
    }
}
