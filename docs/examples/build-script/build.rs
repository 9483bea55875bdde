//! Builds the image of `image.yaml` whenever that or a file that it names changes, and tells the program its digest.

fn main() -> Result<(), mikron::Error> {
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let layout = std::path::Path::new(&out).join("image");
    let report = mikron::Builder::from_file("image.yaml")?
        .output(mikron::Output::layout(layout, "latest"))
        .build()?;
    report.inputs.iter().for_each(|input| println!("cargo:rerun-if-changed={input}"));
    println!("cargo:rustc-env=IMAGE_DIGEST={}", report.digest);
    println!("cargo:rustc-env=IMAGE_SIZE={}", report.size());
    Ok(())
}
