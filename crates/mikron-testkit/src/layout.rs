//! A small writer of image layouts: plain layers, as others than Mikron make them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::rpm::hex;

/// Builds an image and writes it as a layout.
///
/// ```
/// use mikron_testkit::archive::TarBuilder;
/// use mikron_testkit::layout::LayoutBuilder;
/// let directory = tempfile::tempdir()?;
/// let layer = TarBuilder::new().file("motd", 0o644, b"hello\n").build();
/// LayoutBuilder::new().layer(layer).write_to(directory.path());
/// assert!(directory.path().join("index.json").is_file());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayoutBuilder {
    layers: Vec<Vec<u8>>,
    platforms: Vec<(String, String)>,
    run: Value,
    name: Option<String>,
}

impl Default for LayoutBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl LayoutBuilder {
    /// An image without layers for amd64, which runs nothing.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            platforms: vec![("linux".to_owned(), "amd64".to_owned())],
            run: json!({}),
            name: None,
        }
    }

    /// Adds a layer above those that there are: a tar archive, which is not compressed.
    #[must_use]
    pub fn layer(mut self, tar: Vec<u8>) -> Self {
        self.layers.push(tar);
        self
    }

    /// The same image for these architectures, in an index where there are several.
    #[must_use]
    pub fn architectures(mut self, architectures: &[&str]) -> Self {
        let of = |one: &&str| ("linux".to_owned(), (*one).to_owned());
        self.platforms = architectures.iter().map(of).collect();
        self
    }

    /// How it is run (OCI image-spec, config, "config" object).
    #[must_use]
    pub fn run(mut self, run: Value) -> Self {
        self.run = run;
        self
    }

    /// The name that an image store has given it.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Writes the layout, in which the image has the tag `latest`; what lies there goes.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_to(&self, directory: &Path) {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir_all(directory.join("blobs/sha256")).expect("a directory can be made");
        let put = |bytes: &[u8]| {
            let hex = hex(Sha256::digest(bytes));
            let path = directory.join("blobs/sha256").join(&hex);
            fs::write(path, bytes).expect("a file can be written");
            (format!("sha256:{hex}"), bytes.len())
        };
        let blob = |kind: &str, bytes: &[u8]| {
            let (digest, size) = put(bytes);
            let media_type = format!("application/vnd.oci.image.{kind}");
            json!({ "mediaType": media_type, "digest": digest, "size": size })
        };
        let layers = self.layers.iter();
        let layers: Vec<Value> = layers.map(|tar| blob("layer.v1.tar", tar)).collect();
        let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
        let history: Vec<Value> = layers
            .iter()
            .map(|_| json!({ "created_by": "a test" }))
            .collect();
        let images = self.platforms.iter().map(|(os, architecture)| {
            let config = json!({
                "architecture": architecture,
                "os": os,
                "config": self.run,
                "rootfs": { "type": "layers", "diff_ids": diff_ids },
                "history": history,
            });
            let config = blob("config.v1+json", config.to_string().as_bytes());
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config,
                "layers": layers,
            });
            let mut image = blob("manifest.v1+json", manifest.to_string().as_bytes());
            image["platform"] = json!({ "os": os, "architecture": architecture });
            image
        });
        let images: Vec<Value> = images.collect();
        let mut tagged = match images.as_slice() {
            [one] => one.clone(),
            several => {
                let index = json!({
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.index.v1+json",
                    "manifests": several,
                });
                blob("index.v1+json", index.to_string().as_bytes())
            }
        };
        tagged["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
        if let Some(name) = &self.name {
            tagged["annotations"]["io.containerd.image.name"] = name.as_str().into();
        }
        let index = json!({ "schemaVersion": 2, "manifests": [tagged] });
        for (file, text) in [
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })),
            ("index.json", index),
        ] {
            fs::write(directory.join(file), text.to_string()).expect("a file can be written");
        }
    }
}
