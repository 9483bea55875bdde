//! Config, manifest and index: the JSON around the layers.

use std::collections::{BTreeMap, HashMap};

use mikron_package::Platform;
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, History, HistoryBuilder,
    ImageConfiguration, ImageConfigurationBuilder, ImageIndexBuilder, ImageManifestBuilder,
    MediaType, Os, PlatformBuilder, RootFsBuilder,
};

use crate::{Blob, BlobStore, Compression, ImageError, Layer, json, put};

/// How a container of the image is run (OCI image-spec, config, "config" object).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `user`, `uid`, `user:group` or `uid:gid`; root where missing.
    pub user: Option<String>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The default arguments behind the entrypoint.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory, absolute.
    pub working_dir: Option<String>,
    /// Ports that are served: `80/tcp`.
    pub ports: Vec<String>,
    /// Directories that are mounted: `/var/cache/nginx`.
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it: `SIGQUIT`.
    pub stop_signal: Option<String>,
    /// Who is responsible for the image.
    pub author: Option<String>,
}

/// A layer with what config and manifest say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// The layer.
    pub layer: Layer,
    /// What made it, for `docker history`.
    pub created_by: String,
    /// Annotations of its descriptor.
    pub annotations: BTreeMap<String, String>,
}

/// An image for one platform: its config and manifest as canonical JSON. The layers are in a store already.
///
/// ```
/// use std::collections::BTreeMap;
/// use mikron_oci::{Config, Image, ImageLayer, LayerPlan, MemoryStore, Recipe};
/// use mikron_package::{Architecture, MemoryContents, Platform};
///
/// let store = MemoryStore::default();
/// let built = LayerPlan::new("empty", Vec::<mikron_oci::LayerEntry>::new())?
///     .build(Recipe::default(), &MemoryContents::default(), &store, None)?;
/// let layer = ImageLayer {
///     layer: built.layer,
///     created_by: "mikron".to_owned(),
///     annotations: BTreeMap::new(),
/// };
/// let platform = Platform::linux(Architecture::Amd64);
/// let image = Image::new(platform, 0, &Config::default(), vec![layer], &BTreeMap::new())?;
/// image.store(&store)?;
/// assert!(store.get(&image.manifest_blob().digest).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    platform: Platform,
    created: i64,
    layers: Vec<ImageLayer>,
    config: Vec<u8>,
    manifest: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl Image {
    /// Puts an image together. `created` is in seconds since 1970.
    ///
    /// # Errors
    /// When a value does not fit into the config: a variable's name with `=`, a time before 1970 or after the year 9999.
    pub fn new(
        platform: Platform,
        created: i64,
        config: &Config,
        layers: Vec<ImageLayer>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, ImageError> {
        let time = rfc3339(created).ok_or_else(|| ImageError::Config {
            field: "time",
            reason: format!("{created} lies outside of the years 1970 to 9999"),
        })?;
        let config = configuration(platform, &time, config, &layers)?;
        let config = canonical("config", &config)?;
        let manifest = manifest(&config, &layers, annotations)?;
        Ok(Self {
            platform,
            created,
            layers,
            config,
            manifest,
            annotations: annotations.clone(),
        })
    }

    /// The same image with its layers as plain tars, as docker archives hold it: the config, and with it what docker calls the
    /// image's id, is the same.
    ///
    /// # Errors
    /// When the manifest cannot be written as JSON.
    pub fn uncompressed(&self) -> Result<Self, ImageError> {
        let mut plain = self.clone();
        for ImageLayer { layer, .. } in &mut plain.layers {
            layer.blob = Blob {
                digest: layer.diff_id.0,
                size: layer.unpacked,
            };
            layer.compression = Compression::None;
        }
        plain.manifest = manifest(&plain.config, &plain.layers, &plain.annotations)?;
        Ok(plain)
    }

    /// The platform.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The time of creation in seconds since 1970.
    pub fn created(&self) -> i64 {
        self.created
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[ImageLayer] {
        &self.layers
    }

    /// The annotations of the manifest.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The config as it is stored.
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// The manifest as it is stored.
    pub fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// The manifest's digest and size.
    pub fn manifest_blob(&self) -> Blob {
        Blob::of(&self.manifest)
    }

    /// The size of all blobs of the image in bytes, as they are stored.
    pub fn size(&self) -> u64 {
        let layers: u64 = self.layers.iter().map(|l| l.layer.blob.size).sum();
        layers + self.config.len() as u64 + self.manifest.len() as u64
    }

    /// The descriptor of the manifest, with its platform.
    pub fn descriptor(&self) -> Descriptor {
        let blob = self.manifest_blob();
        descriptor(
            MediaType::ImageManifest,
            blob,
            Some(self.platform),
            &BTreeMap::new(),
        )
    }

    /// Stores config and manifest.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn store(&self, store: &dyn BlobStore) -> Result<Descriptor, ImageError> {
        put(store, &self.config)?;
        put(store, &self.manifest)?;
        Ok(self.descriptor())
    }
}

/// Stores an index over images of several platforms, in the order of the platforms, and gives back its descriptor. The
/// images themselves are stored with [`Image::store`].
///
/// # Errors
/// When two images have one platform, or the store cannot be written.
pub fn write_index(
    store: &dyn BlobStore,
    images: &[Image],
    annotations: &BTreeMap<String, String>,
) -> Result<Descriptor, ImageError> {
    let mut sorted: Vec<&Image> = images.iter().collect();
    sorted.sort_by_key(|image| image.platform);
    for pair in sorted.windows(2) {
        if pair[0].platform == pair[1].platform {
            return Err(ImageError::DuplicatePlatform {
                platform: pair[0].platform,
            });
        }
    }
    let mut index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageIndex)
        .manifests(sorted.iter().map(|i| i.descriptor()).collect::<Vec<_>>())
        .build()
        .map_err(|e| ImageError::Config {
            field: "index",
            reason: e.to_string(),
        })?;
    index.set_annotations(hash_map(annotations));
    let bytes = canonical("index", &index)?;
    let blob = put(store, &bytes)?;
    Ok(descriptor(
        MediaType::ImageIndex,
        blob,
        None,
        &BTreeMap::new(),
    ))
}

fn manifest(
    config: &[u8],
    layers: &[ImageLayer],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ImageError> {
    let descriptors = layers.iter().map(|l| {
        let media_type = MediaType::from(l.layer.compression.media_type());
        descriptor(media_type, l.layer.blob, None, &l.annotations)
    });
    let mut manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(
            MediaType::ImageConfig,
            Blob::of(config),
            None,
            &BTreeMap::new(),
        ))
        .layers(descriptors.collect::<Vec<_>>())
        .build()
        .expect("all required fields are set above");
    manifest.set_annotations(hash_map(annotations));
    canonical("manifest", &manifest)
}

/// A descriptor.
pub(crate) fn descriptor(
    media_type: MediaType,
    blob: Blob,
    platform: Option<Platform>,
    annotations: &BTreeMap<String, String>,
) -> Descriptor {
    let digest: oci_spec::image::Digest = blob
        .digest
        .to_string()
        .parse()
        .expect("the text form of a SHA-256 digest");
    let mut descriptor = DescriptorBuilder::default()
        .media_type(media_type)
        .digest(digest)
        .size(blob.size)
        .build()
        .expect("all required fields are set above");
    if let Some(platform) = platform {
        let mut oci = PlatformBuilder::default()
            .os(Os::Linux)
            .architecture(Arch::from(platform.architecture.oci()))
            .build()
            .expect("all required fields are set above");
        oci.set_variant(platform.architecture.oci_variant().map(str::to_owned));
        descriptor.set_platform(Some(oci));
    }
    descriptor.set_annotations(hash_map(annotations));
    descriptor
}

fn configuration(
    platform: Platform,
    created: &str,
    config: &Config,
    layers: &[ImageLayer],
) -> Result<ImageConfiguration, ImageError> {
    for (name, value) in &config.env {
        let wrong = |reason: &str| ImageError::Config {
            field: "env",
            reason: format!("has the variable `{}`, which {reason}", name.escape_debug()),
        };
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(wrong("is no name of a variable"));
        }
        if value.contains('\0') {
            return Err(wrong("holds a NUL byte"));
        }
    }
    let mut run = ConfigBuilder::default()
        .build()
        .expect("all fields have defaults");
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    run.set_user(config.user.clone());
    run.set_entrypoint(some(&config.entrypoint));
    run.set_cmd(some(&config.cmd));
    run.set_env(some(
        &config
            .env
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>(),
    ));
    run.set_working_dir(config.working_dir.clone());
    run.set_exposed_ports(some(&config.ports));
    run.set_volumes(some(&config.volumes));
    run.set_labels(hash_map(&config.labels));
    run.set_stop_signal(config.stop_signal.clone());

    let diff_ids: Vec<String> = layers.iter().map(|l| l.layer.diff_id.to_string()).collect();
    let history: Vec<History> = layers
        .iter()
        .map(|l| {
            HistoryBuilder::default()
                .created(created)
                .created_by(l.created_by.as_str())
                .build()
                .expect("all fields have defaults")
        })
        .collect();
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(diff_ids)
        .build()
        .expect("all required fields are set above");
    let mut configuration = ImageConfigurationBuilder::default()
        .created(created)
        .architecture(Arch::from(platform.architecture.oci()))
        .os(Os::Linux)
        .config(run)
        .rootfs(rootfs)
        .history(history)
        .build()
        .expect("all required fields are set above");
    configuration.set_variant(platform.architecture.oci_variant().map(str::to_owned));
    configuration.set_author(config.author.clone());
    Ok(configuration)
}

pub(crate) fn canonical(
    document: &'static str,
    value: &impl serde::Serialize,
) -> Result<Vec<u8>, ImageError> {
    json::canonical(value).map_err(|source| ImageError::Json { document, source })
}

/// `oci-spec` wants hash maps; their order is lost again in [`json::canonical`].
fn hash_map(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

/// Seconds since 1970 as RFC 3339 in UTC. `None` outside of the years 1970 to 9999.
pub(crate) fn rfc3339(seconds: i64) -> Option<String> {
    const DAY: i64 = 86_400;
    if !(0..=253_402_300_799).contains(&seconds) {
        return None;
    }
    let time = seconds % DAY;
    // Days since 0000-03-01, so that the leap day ends a year; the calendar repeats every 400 years (146,097 days).
    let days = seconds / DAY + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 31, 30, 31, 30, 31 days in turn: 153 days in five months.
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_763_942_400, "2025-11-24T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds).as_deref(), Some(text));
        }
        assert_eq!(rfc3339(-1), None);
        assert_eq!(rfc3339(253_402_300_800), None);
    }
}
