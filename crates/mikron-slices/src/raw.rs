//! The files as they are written: YAML into plain fields, without any judgement.

use std::fmt;

use mikron_package::Architecture;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Architectures;
use crate::yaml::Pairs;
use mikron_yaml::{custom, shown};

/// `chisel.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawRelease {
    pub(crate) format: String,
    #[serde(default)]
    pub(crate) maintenance: Option<RawMaintenance>,
    #[serde(default)]
    pub(crate) archives: Option<Pairs<RawArchive>>,
    #[serde(default)]
    pub(crate) v2_archives: Option<Pairs<RawArchive>>,
    #[serde(default)]
    pub(crate) public_keys: Option<Pairs<RawKey>>,
    #[serde(default)]
    pub(crate) stores: Option<Pairs<RawStore>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawMaintenance {
    pub(crate) standard: Option<String>,
    pub(crate) expanded: Option<String>,
    pub(crate) legacy: Option<String>,
    pub(crate) end_of_life: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawArchive {
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) suites: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) components: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) priority: Option<i64>,
    #[serde(default)]
    pub(crate) pro: Option<String>,
    #[serde(default)]
    pub(crate) default: Option<bool>,
    #[serde(default)]
    pub(crate) public_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawKey {
    pub(crate) id: String,
    pub(crate) armor: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawStore {
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) default_prefix: Option<String>,
}

/// A file of slice definitions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawPackage {
    pub(crate) package: String,
    #[serde(default)]
    pub(crate) archive: Option<String>,
    #[serde(default)]
    pub(crate) store: Option<String>,
    #[serde(default)]
    pub(crate) default_track: Option<String>,
    #[serde(default)]
    pub(crate) essential: RawEssential,
    #[serde(default)]
    pub(crate) v3_essential: Option<Pairs<Option<RawRequirement>>>,
    #[serde(default)]
    pub(crate) slices: Option<Pairs<Option<RawSlice>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawSlice {
    #[serde(default)]
    pub(crate) hint: Option<String>,
    #[serde(default)]
    pub(crate) essential: RawEssential,
    #[serde(default)]
    pub(crate) v3_essential: Option<Pairs<Option<RawRequirement>>>,
    #[serde(default)]
    pub(crate) contents: Option<Pairs<Option<RawContent>>>,
    #[serde(default)]
    pub(crate) mutate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawContent {
    #[serde(default)]
    pub(crate) make: Option<bool>,
    #[serde(default)]
    pub(crate) mode: Option<RawMode>,
    #[serde(default)]
    pub(crate) copy: Option<String>,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) symlink: Option<String>,
    #[serde(default)]
    pub(crate) mutable: Option<bool>,
    #[serde(default)]
    pub(crate) until: Option<String>,
    #[serde(default)]
    pub(crate) arch: Option<RawArch>,
    #[serde(default)]
    pub(crate) generate: Option<String>,
    #[serde(default)]
    pub(crate) prefer: Option<String>,
    #[serde(default)]
    pub(crate) channel: Option<OneOrMore>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRequirement {
    #[serde(default)]
    pub(crate) arch: Option<RawArch>,
    #[serde(default)]
    pub(crate) channel: Option<OneOrMore>,
}

/// `essential`: a list of names in formats v1 and v2, a mapping with options from v3 on.
#[derive(Default)]
pub(crate) enum RawEssential {
    #[default]
    None,
    List(Vec<String>),
    Map(Pairs<Option<RawRequirement>>),
}

impl<'de> Deserialize<'de> for RawEssential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;

        impl<'de> Visitor<'de> for ListOrMap {
            type Value = RawEssential;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or a mapping of slices")
            }

            fn visit_unit<E: de::Error>(self) -> Result<RawEssential, E> {
                Ok(RawEssential::None)
            }

            fn visit_none<E: de::Error>(self) -> Result<RawEssential, E> {
                Ok(RawEssential::None)
            }

            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<RawEssential, D::Error> {
                RawEssential::deserialize(d)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawEssential, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(RawEssential::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEssential, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(RawEssential::Map(Pairs(pairs)))
            }
        }

        deserializer.deserialize_any(ListOrMap)
    }
}

/// One text or a list of them.
pub(crate) struct OneOrMore(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a list of names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

/// `arch`: one name of an architecture or several.
pub(crate) struct RawArch(pub(crate) Architectures);

impl<'de> Deserialize<'de> for RawArch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut architectures = Architectures::default();
        for name in OneOrMore::deserialize(deserializer)?.0 {
            let Some(architecture) = Architecture::from_deb(&name) else {
                let message = format!("`{}` is not an architecture", shown(&name));
                let known: Vec<_> = Architecture::ALL.iter().map(|a| a.deb()).collect();
                return Err(custom(message, &format!("known: {}", known.join(", "))));
            };
            architectures.add(architecture);
        }
        Ok(Self(architectures))
    }
}

/// `mode`: permission bits as YAML 1.1 or 1.2 writes a whole number.
#[derive(Clone, Copy)]
pub(crate) struct RawMode(pub(crate) u32);

impl<'de> Deserialize<'de> for RawMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A zero in front makes it octal, as it does for chisel: `0755` and `0o755` are the same.
        let bits = match text.as_bytes() {
            [b'0', b'o' | b'O', ..] => u32::from_str_radix(&text[2..], 8),
            [b'0', b'x' | b'X', ..] => u32::from_str_radix(&text[2..], 16),
            [b'0', b'b' | b'B', ..] => u32::from_str_radix(&text[2..], 2),
            [b'0', _, ..] => u32::from_str_radix(&text[1..], 8),
            _ => text.parse(),
        };
        match bits {
            Ok(bits) if bits <= 0o7777 && !text.contains('+') => Ok(Self(bits)),
            _ => Err(custom(
                format!("`{}` is not a mode", shown(&text)),
                "write permission bits with a zero in front, as in 0755; 07777 is the largest",
            )),
        }
    }
}
