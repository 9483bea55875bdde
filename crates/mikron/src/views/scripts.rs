//! What became of the maintainer scripts of an image, without the image.

use std::collections::BTreeMap;

use mikron_package::Platform;

use crate::Error;
use crate::report::ScriptReport;
use crate::run::Run;
use crate::steps::scripts::reports;
use crate::steps::tree::tree;

/// The scripts of each platform. Everything is done that a build does, less the layers.
pub(crate) fn scripts(run: &Run<'_>) -> Result<BTreeMap<Platform, Vec<ScriptReport>>, Error> {
    let own = run.files()?;
    let pins = run.pins()?;
    let epoch = run.epoch(&pins)?;
    let mut scripts = BTreeMap::new();
    for platform in &run.inputs.platforms {
        let mut closure = run.close(*platform, &pins, &own)?;
        let contents = run.contents(&closure, &own, closure.contents())?;
        let (spec, families) = (&run.order.spec, &run.order.families);
        let rootfs = tree(spec, families, epoch, &mut closure, &own, &contents)?;
        scripts.insert(*platform, reports(&closure, &rootfs));
    }
    Ok(scripts)
}
