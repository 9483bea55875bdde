//! Where packages come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use mikron_package::{Family, without_credentials};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::family::{Known, OwnValue, SourceForm};
use crate::text::{ValueError, scalar, shown};

/// A repository that a spec names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The family of its packages.
    pub family: Family,
    /// Where it lies.
    pub place: Place,
    /// The suite below the base URL (`stable`); one that ends with `/` is a flat repository (sources.list(5)). `None` for
    /// presets, which know theirs.
    pub suite: Option<String>,
    /// The components; empty for presets, which then take theirs, and for flat repositories.
    pub components: Vec<String>,
    /// Files with the keys that its metadata has to be signed with, relative to the spec's directory. Empty for presets,
    /// which then take their built-in keyring.
    pub keys: Vec<String>,
    /// Files with the certificate authorities (PEM) that alone vouch for the HTTPS servers that the source names, relative to the
    /// spec's directory. Empty for those of the settings or the machine.
    pub ca: Vec<String>,
    /// The pin priority (apt_preferences(5)); 500 if not given.
    pub priority: Option<i32>,
    /// The faults of its metadata that are tolerated.
    pub allow: BTreeSet<Allow>,
    /// For presets: base URLs by archive (`debian`, `debian-security`), which come before those of the machine.
    pub mirrors: BTreeMap<String, String>,
    /// For rpm: the URL of a mirror list or metalink, whose base URLs come behind the source's own.
    pub mirrorlist: Option<String>,
    /// For rpm: what the keys sign.
    pub signed: Signed,
    /// For rpm: globs of packages that are left out, by name or full name.
    pub exclude: Vec<String>,
    /// For rpm: architectures in rpm's words, in place of the platform's own and `noarch`.
    pub architectures: Vec<String>,
    /// For rpm: the streams of modules that are turned on, by module.
    pub modules: BTreeMap<String, String>,
    /// For apk: its packages are for requests alone that name this source (a tagged repository in apk's words).
    pub tagged: bool,
    /// The keys of a family's own that the spec does not know by itself, as [`SourceForm::keys`](crate::SourceForm::keys) has them.
    pub own: BTreeMap<String, OwnValue>,
    /// Keys that nobody has spoken for yet.
    pub(crate) unsettled: BTreeMap<String, Option<OwnValue>>,
}

/// What the signatures of an rpm repository cover.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// `repomd.xml`, and so everything.
    #[default]
    Metadata,
    /// Each package; metadata are believed as they come.
    Packages,
}

/// Where a source lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A distribution by name, whose base URL the build finds.
    Preset(String),
    /// A base URL: `http:`, `https:` or `file:`. A `file:` path that does not begin with `/` is relative to the spec's
    /// directory.
    Url(String),
}

/// A fault of a source's metadata that a spec tolerates by name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Allow {
    /// Its `Valid-Until` has passed.
    Expired,
    /// It is older than what was seen before.
    RolledBack,
    /// Its parts do not belong together.
    Mixed,
    /// Nobody signed it.
    Unsigned,
    /// It is signed over a hash that can be forged: SHA-1, as most apk repositories are.
    WeakSignature,
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::RolledBack => "rolled-back",
            Self::Mixed => "mixed",
            Self::Unsigned => "unsigned",
            Self::WeakSignature => "weak-signature",
        })
    }
}

impl Source {
    /// The keys that a source may have, of whatever family it is.
    pub(crate) const KEYS: [&'static str; 16] = [
        "deb",
        "rpm",
        "apk",
        "suite",
        "components",
        "keys",
        "ca",
        "priority",
        "allow",
        "mirrors",
        "mirrorlist",
        "signed",
        "exclude",
        "architectures",
        "modules",
        "tagged",
    ];

    /// The presets of the deb family: Debian releases by codename.
    pub const DEB_PRESETS: [&'static str; 2] = ["bookworm", "trixie"];

    /// A source that a preset describes whole.
    pub fn preset(family: Family, name: &str) -> Self {
        Self {
            family,
            place: Place::Preset(name.to_owned()),
            suite: None,
            components: Vec::new(),
            keys: Vec::new(),
            ca: Vec::new(),
            priority: None,
            allow: BTreeSet::new(),
            mirrors: BTreeMap::new(),
            mirrorlist: None,
            signed: Signed::default(),
            exclude: Vec::new(),
            architectures: Vec::new(),
            modules: BTreeMap::new(),
            tagged: false,
            own: BTreeMap::new(),
            unsettled: BTreeMap::new(),
        }
    }

    /// All URLs that the source names, with the key each stands under.
    pub fn urls(&self) -> impl Iterator<Item = (Vec<&str>, &str)> {
        let own = match &self.place {
            Place::Url(url) => Some((vec![self.family_key()], url.as_str())),
            Place::Preset(_) => None,
        };
        let mirrors = &self.mirrors;
        let list = self.mirrorlist.as_deref();
        let list = list.map(|url| (vec!["mirrorlist"], url));
        own.into_iter().chain(list).chain(
            mirrors
                .iter()
                .map(|(name, url)| (vec!["mirrors", name.as_str()], url.as_str())),
        )
    }

    /// Takes user and password out of its URLs.
    pub(crate) fn strip_credentials(&mut self) {
        let own = match &mut self.place {
            Place::Url(url) => Some(url),
            Place::Preset(_) => None,
        };
        for url in own.into_iter().chain(&mut self.mirrorlist) {
            *url = without_credentials(url).into_owned();
        }
    }

    /// The key under which the place stands: `deb`, `rpm`, `apk`.
    pub(crate) fn family_key(&self) -> &'static str {
        self.family.name()
    }
}

/// The text behind `deb`: a preset or a URL.
#[derive(Clone)]
struct DebPlace(Place);

impl FromStr for DebPlace {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_url(text) {
            return Ok(Self(Place::Url(text.to_owned())));
        }
        if text.contains([':', '/']) {
            return Err(not_a_url(text));
        }
        if Source::DEB_PRESETS.contains(&text) {
            return Ok(Self(Place::Preset(text.to_owned())));
        }
        let known = mikron_yaml::list(Source::DEB_PRESETS);
        let help = match mikron_yaml::nearest(text, Source::DEB_PRESETS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {known}; for others write a URL with `suite` and `keys`"),
        };
        let message = format!("there is no preset `{}`", shown(text));
        Err(ValueError::new(message, help))
    }
}

impl fmt::Display for DebPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Preset(text) | Place::Url(text) => f.write_str(text),
        }
    }
}

scalar!(DebPlace, "a Debian release or a URL", {
    "type": "string",
    "anyOf": [{ "enum": Source::DEB_PRESETS }, { "pattern": "^(https?://|file:)" }],
});

/// A URL of a scheme that can be read.
#[derive(Clone)]
struct UrlText(String);

impl FromStr for UrlText {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_url(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(not_a_url(text))
        }
    }
}

impl fmt::Display for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

scalar!(UrlText, "a URL", { "type": "string", "pattern": "^(https?://|file:)" });

fn not_a_url(text: &str) -> ValueError {
    ValueError::new(
        format!(
            "`{}` is not a URL that can be read",
            shown(&without_credentials(text))
        ),
        "write `https://…`, `http://…`, or `file:` and a path",
    )
}

/// The form of a [`Source`] in YAML. Exactly one of `deb`, `rpm` and `apk` is given.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename = "Source",
    rename_all = "kebab-case",
    deny_unknown_fields,
    default
)]
struct Form {
    /// A Debian release (`bookworm`, `trixie`), or the base URL of a deb repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    deb: Option<DebPlace>,
    /// The base URL of an rpm repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    rpm: Option<UrlText>,
    /// The base URL of an apk repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    apk: Option<UrlText>,
    /// The suite of a deb repository, as in `stable`; one that ends with `/` is a flat repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    suite: Option<String>,
    /// The components of a deb repository; `main` if not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<String>,
    /// Files with the keys that sign it, relative to the spec's directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    /// Files with the certificate authorities that alone vouch for its HTTPS servers, relative to the spec's directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ca: Vec<String>,
    /// The pin priority; 500 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    /// Faults of its metadata that are tolerated.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    allow: BTreeSet<Allow>,
    /// For a Debian release: base URLs by archive (`debian`, `debian-security`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mirrors: BTreeMap<String, UrlText>,
    /// For an rpm repository: a mirror list or metalink with further base URLs.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirrorlist: Option<UrlText>,
    /// For an rpm repository: what the keys sign; `metadata` if not given.
    #[serde(skip_serializing_if = "is_default")]
    signed: Signed,
    /// For an rpm repository: globs of packages that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    /// For an rpm repository: architectures, in place of the platform's own and `noarch`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    architectures: Vec<String>,
    /// For an rpm repository: the streams of modules that are turned on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    modules: BTreeMap<String, String>,
    /// For an apk repository: its packages are for requests alone that name this source.
    #[serde(skip_serializing_if = "is_default")]
    tagged: bool,
}

/// The form of a source of a family that the spec does not know by itself.
#[derive(Serialize)]
struct Further {
    #[serde(flatten)]
    own: BTreeMap<String, OwnValue>,
    #[serde(flatten)]
    form: Form,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Form {
    /// The source. Whose keys are not all known to the spec is not checked before a family speaks for them.
    fn source(self, unsettled: BTreeMap<String, Option<OwnValue>>) -> Result<Source, ValueError> {
        let url = |text: UrlText| Place::Url(text.0);
        let mut places = [
            (Family::DEB, self.deb.map(|place| place.0)),
            (Family::RPM, self.rpm.map(url)),
            (Family::APK, self.apk.map(url)),
        ]
        .into_iter()
        .filter_map(|(family, place)| place.map(|place| (family, place)));
        let (family, place) = match (places.next(), places.next()) {
            (Some(place), None) => place,
            (None, _) if !unsettled.is_empty() => (Family::default(), Place::Url(String::new())),
            (None, _) => {
                return Err(ValueError::new(
                    "the source does not say where it lies",
                    "add `deb: bookworm`, or `deb: URL` with `suite` and `keys`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(several_places());
            }
        };
        let source = Source {
            family,
            place,
            suite: self.suite,
            components: self.components,
            keys: self.keys,
            ca: self.ca,
            priority: self.priority,
            allow: self.allow,
            mirrors: self.mirrors.into_iter().map(|(k, v)| (k, v.0)).collect(),
            mirrorlist: self.mirrorlist.map(|url| url.0),
            signed: self.signed,
            exclude: self.exclude,
            architectures: self.architectures,
            modules: self.modules,
            tagged: self.tagged,
            own: BTreeMap::new(),
            unsettled,
        };
        if source.unsettled.is_empty() {
            return source.complete();
        }
        Ok(source)
    }
}

fn several_places() -> ValueError {
    ValueError::new(
        "a source has one of `deb`, `rpm` and `apk`",
        "make two sources of it",
    )
}

/// Whether `text` is a URL of a scheme that can be read, without white space or control characters.
pub(crate) fn is_url(text: &str) -> bool {
    let web = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let file = text
        .strip_prefix("file:")
        .is_some_and(|path| !path.is_empty());
    (web || file) && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

impl Source {
    /// Takes the place and the keys of a family's own, and checks the whole.
    pub(crate) fn settle(&mut self, form: &SourceForm) -> Result<(), ValueError> {
        if !matches!(&self.place, Place::Url(url) if url.is_empty()) {
            return Err(several_places());
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        for (key, value) in unsettled {
            let Some(value) = value else { continue };
            if key == form.family.name() {
                let url: UrlText = value.one().unwrap_or_default().parse()?;
                self.place = Place::Url(url.0);
            } else {
                self.own.insert(key, value);
            }
        }
        self.family = form.family;
        *self = self.clone().complete()?;
        (form.check)(self).map_err(|(message, help)| ValueError::new(message, help))
    }

    /// Checks what belongs together and fills in what is understood.
    fn complete(mut self) -> Result<Self, ValueError> {
        self.check_keys()?;
        if self.is_plain_deb() && self.components.is_empty() {
            self.components.push("main".to_owned());
        }
        let flat_names = self.components.iter().flat_map(|c| c.split('/'));
        check_words(flat_names, "component")?;
        if matches!(self.place, Place::Url(_))
            && self.keys.is_empty()
            && !self.allow.contains(&Allow::Unsigned)
        {
            return Err(ValueError::new(
                "nothing says who signs this source",
                "add `keys: [FILE]`, or `allow: [unsigned]` to take it from anybody",
            ));
        }
        Ok(self)
    }

    /// Whether this is a deb repository with a URL that is not flat.
    fn is_plain_deb(&self) -> bool {
        self.family == Family::DEB && self.suite.as_ref().is_some_and(|s| !s.ends_with('/'))
    }

    /// Which keys may stand beside each other.
    fn check_keys(&self) -> Result<(), ValueError> {
        let surplus = |key: &str, whose: &str, help: &str| {
            Err(ValueError::new(format!("{whose} has no `{key}`"), help))
        };
        let of_one_family = [
            ("mirrorlist", self.mirrorlist.is_some(), Family::RPM),
            ("signed", self.signed != Signed::default(), Family::RPM),
            ("exclude", !self.exclude.is_empty(), Family::RPM),
            ("architectures", !self.architectures.is_empty(), Family::RPM),
            ("modules", !self.modules.is_empty(), Family::RPM),
            ("tagged", self.tagged, Family::APK),
        ];
        for (key, given, family) in of_one_family {
            if given && family != self.family {
                let whose = format!("{} repository", self.family_key());
                let article = if self.family == Family::DEB {
                    "a"
                } else {
                    "an"
                };
                return surplus(key, &format!("{article} {whose}"), "remove it");
            }
        }
        match (&self.place, self.family) {
            (Place::Preset(_), _) if !self.ca.is_empty() && self.mirrors.is_empty() => {
                Err(ValueError::new(
                    "the source names no server that `ca` could be for",
                    "add `mirrors`, or name the file in the configuration, for all servers",
                ))
            }
            (Place::Preset(_), _) if self.suite.is_some() => {
                let help = "it names its suites; for others write a URL";
                surplus("suite", "a preset", help)
            }
            (Place::Url(_), _) if !self.mirrors.is_empty() => {
                let help = "mirrors belong to presets such as `deb: bookworm`";
                surplus("mirrors", "a source with a URL", help)
            }
            (Place::Url(_), family) if family == Family::DEB => {
                let Some(suite) = &self.suite else {
                    return Err(ValueError::new(
                        "a deb repository needs a suite",
                        "add `suite: stable`, or `suite: ./` for a flat repository",
                    ));
                };
                if suite.ends_with('/') && !self.components.is_empty() {
                    return surplus("components", "a flat repository", "remove them");
                }
                let parts = suite.strip_suffix('/').unwrap_or(suite).split('/');
                check_words(parts, "suite")
            }
            (Place::Url(_), _) if self.suite.is_some() || !self.components.is_empty() => {
                let key = if self.suite.is_some() {
                    "suite"
                } else {
                    "components"
                };
                surplus(key, "this kind of source", "its URL says everything")
            }
            _ => Ok(()),
        }
    }
}

/// Suites and components become parts of URLs and paths.
fn check_words<'a>(words: impl Iterator<Item = &'a str>, what: &str) -> Result<(), ValueError> {
    for word in words {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._+~".contains(c);
        if word == ".." || word.is_empty() || !word.chars().all(plain) {
            return Err(ValueError::new(
                format!("`{}` cannot be part of a {what}", shown(word)),
                "",
            ));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Open;

        impl<'de> Visitor<'de> for Open {
            type Value = (Form, BTreeMap<String, Option<OwnValue>>);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("struct Source")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let mut others = BTreeMap::new();
                let known = Known {
                    map,
                    keys: &Source::KEYS,
                    others: &mut others,
                };
                let form = Form::deserialize(MapAccessDeserializer::new(known))?;
                Ok((form, others))
            }
        }

        let (form, others) = deserializer.deserialize_struct("Source", &Source::KEYS, Open)?;
        form.source(others).map_err(ValueError::custom)
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = Form {
            suite: self.suite.clone(),
            components: self.components.clone(),
            keys: self.keys.clone(),
            ca: self.ca.clone(),
            priority: self.priority,
            allow: self.allow.clone(),
            mirrors: self
                .mirrors
                .iter()
                .map(|(name, url)| (name.clone(), UrlText(url.clone())))
                .collect(),
            mirrorlist: self.mirrorlist.clone().map(UrlText),
            signed: self.signed,
            exclude: self.exclude.clone(),
            architectures: self.architectures.clone(),
            modules: self.modules.clone(),
            tagged: self.tagged,
            ..Form::default()
        };
        let place = DebPlace(self.place.clone());
        let url = UrlText(place.to_string());
        match self.family.name() {
            "rpm" => form.rpm = Some(url),
            "apk" => form.apk = Some(url),
            "deb" => form.deb = Some(place),
            key => {
                let place = OwnValue::One(url.0);
                let mut own = self.own.clone();
                own.insert(key.to_owned(), place);
                return Further { own, form }.serialize(serializer);
            }
        }
        form.serialize(serializer)
    }
}

impl JsonSchema for Source {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Form::json_schema(generator);
        schema.insert(
            "oneOf".to_owned(),
            serde_json::json!([
                { "required": ["deb"] },
                { "required": ["rpm"] },
                { "required": ["apk"] },
            ]),
        );
        schema
    }
}
