//! What the tests of rpm repositories share.

use std::sync::Arc;
use std::time::Duration;

use mikron_package::{Architecture, PackageRecord, Version};
use mikron_source::rpm::RpmRepository;
use mikron_source::trust::Keyring;
use mikron_source::universe::CompactIndex;
use mikron_source::{Context, Published, Repository, SourceError};
use mikron_testkit::repository::TestKey;

use super::World;

pub(crate) fn record(name: &str, version: &str, arch: &str) -> PackageRecord {
    PackageRecord::new(name.parse().unwrap(), Version::new(version), arch)
}

pub(crate) fn requires(mut record: PackageRecord, texts: &[&str]) -> PackageRecord {
    let one = |text: &&str| mikron_rpm::requirement(text, 0, "").unwrap();
    record.depends = texts.iter().map(one).collect();
    record
}

pub(crate) fn keyring(key: &TestKey) -> Keyring {
    Keyring::new(key.certificate()).unwrap()
}

pub(crate) fn publish(
    context: &Context<'_>,
    repository: &RpmRepository,
) -> Result<Arc<dyn Published>, SourceError> {
    let mut published = repository.publish(context, &[Architecture::Amd64])?;
    assert_eq!(published.len(), 1);
    Ok(published.remove(0))
}

/// Publishes without regard to how long ago the last check was.
pub(crate) fn publish_now(
    world: &World,
    repository: &RpmRepository,
) -> Result<Arc<dyn Published>, SourceError> {
    let mut context = world.context();
    context.refresh_after = Duration::ZERO;
    publish(&context, repository)
}

pub(crate) fn index(context: &Context<'_>, published: &Arc<dyn Published>) -> Arc<CompactIndex> {
    let parts = published.parts(context).unwrap();
    assert_eq!(parts.len(), 1);
    Arc::clone(&parts[0].index)
}

pub(crate) fn paths(world: &World) -> Vec<String> {
    world
        .server
        .requests()
        .into_iter()
        .map(|r| r.path)
        .collect()
}

/// The repository that the tests are about.
pub(crate) fn repository(world: &World, key: &TestKey) -> RpmRepository {
    RpmRepository::new("test", &world.server.url("/el9"), keyring(key))
}

/// Name, version and architecture of all packages.
pub(crate) fn packages(world: &World, published: &Arc<dyn Published>) -> Vec<String> {
    let index = index(&world.context(), published);
    let mut packages: Vec<String> = (0..index.len())
        .map(|i| index.record(i).unwrap())
        .map(|r| format!("{} {} {}", r.name, r.version, r.arch))
        .collect();
    packages.sort();
    packages
}
