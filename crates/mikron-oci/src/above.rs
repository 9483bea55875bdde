//! An image above another one: the layers of both, and a config in which what is not said anew stays as it was.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use mikron_package::DiffId;
use serde_json::{Map, Value, json};

use crate::config::{rfc3339, variable};
use crate::descriptor::CONFIG;
use crate::held::canonical;
use crate::{Config, Descriptor, HeldImage, Image, ImageError, ImageLayer, Layer, json};

/// What a config says of how its own image was built, and not of the image.
const OF_THE_BUILD: [&str; 3] = ["container", "container_config", "docker_version"];

impl HeldImage {
    /// Puts an image together above `base`, whose layers stay as they are. Of the config what `config` does not say stays as it is there,
    /// too: variables, labels, ports and volumes of both are there, of one name that of `config`; a new entrypoint takes the old `Cmd`
    /// away (as `FROM` and `ENTRYPOINT` of a Dockerfile do); triggers for whoever builds (`OnBuild`) go. Annotations are not inherited.
    /// `created` is in seconds since 1970.
    ///
    /// ```
    /// use mikron_oci::{Config, HeldImage, Image};
    /// use mikron_package::{Architecture, Platform};
    /// let platform = Platform::linux(Architecture::Amd64);
    /// let config = Config { user: Some("65532".to_owned()), ..Config::default() };
    /// let base = HeldImage::new(platform, 0, &config, Vec::new(), &Default::default())?;
    /// let image = HeldImage::above(&base, 0, &Config::default(), Vec::new(), &Default::default())?;
    /// assert!(String::from_utf8_lossy(image.config()).contains(r#""User":"65532""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`HeldImage::new`]; when the config of `base` is not JSON, or it has a layer without a diff id.
    pub fn above(
        base: &dyn Image,
        created: i64,
        config: &Config,
        layers: Vec<ImageLayer>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        let time = rfc3339(created)?;
        let document = json::parse(base.config()).map_err(|source| ImageError::Json {
            document: "config",
            source,
        })?;
        let Value::Object(mut document) = document else {
            return Err(ImageError::Config {
                field: "config",
                reason: "of the image below is no JSON object".to_owned(),
            });
        };
        for key in OF_THE_BUILD {
            document.remove(key);
        }
        let mut run = match document.remove("config") {
            Some(Value::Object(run)) => run,
            _ => Map::new(),
        };
        config.over(&mut run)?;
        document.insert("config".to_owned(), run.into());
        document.insert("created".to_owned(), time.as_str().into());

        let below = base
            .layers()
            .into_iter()
            .map(of_oci)
            .map(|layer| ImageLayer {
                layer,
                created_by: "the image below".to_owned(),
            });
        let below: Vec<ImageLayer> = below.collect();
        let mut history = history(&document, below.len());
        if history.is_empty() {
            history.extend(below.iter().map(|layer| json!(layer.history(&time))));
        }
        history.extend(layers.iter().map(|layer| json!(layer.history(&time))));
        document.insert("history".to_owned(), history.into());
        let all: Vec<ImageLayer> = below.into_iter().chain(layers).collect();
        let diff_ids: Result<Vec<String>, _> = all.iter().map(ImageLayer::diff_id).collect();
        let rootfs = json!({ "type": "layers", "diff_ids": diff_ids? });
        document.insert("rootfs".to_owned(), rootfs);

        let config = canonical("config", &Value::Object(document))?;
        let layers = all.into_iter().map(|layer| layer.layer).collect();
        Self::of_parts((CONFIG, config), layers, annotations, &[])
    }
}

/// What made the layers; nothing where that does not speak of exactly so many.
fn history(document: &Map<String, Value>, layers: usize) -> Vec<Value> {
    let entries = document.get("history").and_then(Value::as_array);
    let entries = entries.cloned().unwrap_or_default();
    let is_empty = |entry: &&Value| entry.get("empty_layer").and_then(Value::as_bool) == Some(true);
    let count = entries.iter().filter(|entry| !is_empty(entry)).count();
    if count == layers { entries } else { Vec::new() }
}

impl Config {
    /// Puts what it says over a config that is there (OCI image-spec, config, "config" object).
    fn over(&self, run: &mut Map<String, Value>) -> Result<(), ImageError> {
        let mut env: Vec<Value> = match run.remove("Env") {
            Some(Value::Array(env)) => env,
            _ => Vec::new(),
        };
        for (name, value) in &self.env {
            let text = variable((name, value))?;
            let is_it = |one: &&mut Value| {
                let own = one.as_str().and_then(|one| one.split('=').next());
                own == Some(name.as_str())
            };
            match env.iter_mut().find(is_it) {
                Some(known) => *known = text.into(),
                None => env.push(text.into()),
            }
        }
        if !env.is_empty() {
            run.insert("Env".to_owned(), env.into());
        }
        if !self.entrypoint.is_empty() {
            run.insert("Entrypoint".to_owned(), self.entrypoint.clone().into());
            run.remove("Cmd");
        }
        if !self.cmd.is_empty() {
            run.insert("Cmd".to_owned(), self.cmd.clone().into());
        }
        let texts = [
            ("User", &self.user),
            ("WorkingDir", &self.working_dir),
            ("StopSignal", &self.stop_signal),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                run.insert(key.to_owned(), text.as_str().into());
            }
        }
        let empty = |names: &[String]| -> Vec<(String, Value)> {
            names.iter().map(|name| (name.clone(), json!({}))).collect()
        };
        let labels = self.labels.iter();
        let labels = labels.map(|(name, value)| (name.clone(), value.as_str().into()));
        for (key, more) in [
            ("ExposedPorts", empty(&self.ports)),
            ("Volumes", empty(&self.volumes)),
            ("Labels", labels.collect()),
        ] {
            let there = run.remove(key);
            let mut all = match there {
                Some(Value::Object(all)) => all,
                _ => Map::new(),
            };
            all.extend(more);
            if !all.is_empty() {
                run.insert(key.to_owned(), all.into());
            }
        }
        run.remove("OnBuild");
        Ok(())
    }
}

/// A layer by the media type that OCI has for it: docker's manifests call the same bytes otherwise.
fn of_oci(layer: Arc<dyn Layer>) -> Arc<dyn Layer> {
    let media_type = layer.compression().map(crate::Compression::media_type);
    match media_type {
        Ok(media_type) if layer.descriptor().media_type() != media_type => Arc::new(Renamed {
            descriptor: layer.descriptor().clone().with("mediaType", media_type),
            layer,
        }),
        _ => layer,
    }
}

/// A layer under another media type.
struct Renamed {
    layer: Arc<dyn Layer>,
    descriptor: Descriptor,
}

impl Layer for Renamed {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    fn diff_id(&self) -> Option<DiffId> {
        self.layer.diff_id()
    }
    fn unpacked(&self) -> Option<u64> {
        self.layer.unpacked()
    }
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        self.layer.open()
    }
}
