//! From an image layout to a directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{run, run_well};
use mikron_testkit::tools::tool;

/// Unpacks an image of a layout with umoci, as `umoci unpack` does into a new bundle. Layers in zstd are turned into gzip
/// by skopeo first where umoci is too old to read them.
///
/// `None` means that a tool is missing and the reason was printed.
///
/// # Panics
/// When the image cannot be unpacked.
pub fn unpack(layout: &Path, tag: &str, into: &Path) -> Option<()> {
    let (umoci, skopeo) = (tool("umoci")?, tool("skopeo")?);
    let image = |layout: &Path| format!("{}:{tag}", layout.display());
    let unpack = |layout: &Path| {
        run(Command::new(&umoci)
            .args(["unpack", "--image", &image(layout)])
            .arg(into))
    };
    let output = unpack(layout);
    if output.status.success() {
        return Some(());
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains("mediatype") && message.contains("zstd"),
        "umoci: {message}"
    );
    let _ = fs::remove_dir_all(into);
    let temporary = TempDir::new().expect("a temporary directory");
    let converted = temporary.path().join("gzip");
    run_well(
        Command::new(skopeo)
            .args(["copy", "--quiet", "--dest-compress-format", "gzip"])
            .arg(format!("oci:{}", image(layout)))
            .arg(format!("oci:{}", image(&converted))),
    );
    let output = unpack(&converted);
    assert!(
        output.status.success(),
        "umoci: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

/// Extracts the layers of the only image of a layout, in any compression, with tar; gives back the process of its config
/// (OCI runtime-spec). Much faster than [`unpack`], and good for layers without whiteouts, as ours are.
///
/// `None` means that a tool is missing and the reason was printed.
///
/// # Panics
/// When the layout holds no such image, or tar fails.
pub fn extract(layout: &Path, into: &Path) -> Option<Value> {
    let tar = tool("tar")?;
    tool("zstd")?;
    let read = |path: &Path| -> Value {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a descriptor");
        layout.join("blobs").join(digest.replace(':', "/"))
    };
    let mut manifest = read(&layout.join("index.json"));
    while manifest["manifests"].is_array() {
        manifest = read(&blob(&manifest["manifests"][0]));
    }
    fs::create_dir_all(into).expect("a writable directory");
    for layer in manifest["layers"].as_array().expect("a manifest") {
        let kind = layer["mediaType"].as_str().expect("a media type");
        let compression = match kind.rsplit_once('+') {
            Some((_, "zstd")) => "--zstd",
            Some((_, "gzip")) => "--gzip",
            _ => "--no-auto-compress",
        };
        run_well(
            Command::new(&tar)
                .args(["--extract", "--numeric-owner", "--preserve-permissions"])
                .args(["--xattrs", "--xattrs-include=*", compression, "--file"])
                .arg(blob(layer))
                .arg("--directory")
                .arg(into),
        );
    }
    Some(process(&read(&blob(&manifest["config"]))["config"]))
}

/// The process that an image's config means (OCI image-spec, "Conversion to OCI Runtime Configuration"). Users are numbers,
/// as our images have them.
fn process(config: &Value) -> Value {
    let words = |key: &str| config[key].as_array().cloned().unwrap_or_default();
    let mut env = words("Env");
    let has_path = |word: &Value| word.as_str().is_some_and(|w| w.starts_with("PATH="));
    if !env.iter().any(has_path) {
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        env.push(json!(path));
    }
    let user = config["User"].as_str().unwrap_or("0:0");
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    let number = |word: &str| word.parse::<u32>().expect("users are numbers");
    let args = [words("Entrypoint"), words("Cmd")].concat();
    let cwd = config["WorkingDir"].as_str().filter(|dir| !dir.is_empty());
    json!({
        "user": {"uid": number(uid), "gid": number(gid)},
        "args": args,
        "env": env,
        "cwd": cwd.unwrap_or("/"),
    })
}
