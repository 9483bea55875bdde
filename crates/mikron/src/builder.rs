//! The facade: everything from a spec, in a few calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_matrix::{Inventory, Matrix};
use mikron_oci::BlobStore;
use mikron_package::{Cancellation, Limits, PackageName, Platform, Progress};
use mikron_solve::Solver;
use mikron_source::Environment;
use mikron_source::fetch::Fetch;
use mikron_spec::{Compression, Draft, Lock, Policy, Select, Spec, SpecText, Specs};

use crate::families::Families;
use crate::order::{Order, Update};
use crate::output::tag_of;
use crate::reading::Reading;
use crate::run::Run;
use crate::session::{Session, SessionOptions};
use crate::views::capabilities::PackageCapabilities;
use crate::views::explain::Explanations;
use crate::views::{build, capabilities, diff, explain, lock, matrix, scripts};
use crate::{BuildReport, Error, Output, ScriptReport};

/// Builds the image of a spec, locks it, or explains it.
///
/// Nothing is read from the environment behind the caller's back: [`Builder::from_file`] starts from
/// [`Environment::of_process`], and [`Builder::environment`] replaces it. The builder is synchronous, works with threads,
/// and is pleasant to call from a build script:
///
/// ```no_run
/// let report = mikron::Builder::from_file("image.yaml")?
///     .output(mikron::Output::layout("target/image", "latest"))
///     .build()?;
/// println!("cargo:rustc-env=IMAGE_DIGEST={}", report.digest);
/// # Ok::<(), mikron::Error>(())
/// ```
///
/// Each call opens a session of its own, with what the builder was told; who builds much gives all builders one
/// ([`Builder::session`]).
#[derive(Clone)]
pub struct Builder {
    order: Order,
    options: SessionOptions,
    session: Option<Arc<Session>>,
    cancellation: Cancellation,
}

impl Builder {
    /// A builder for the spec in a file. Files that the spec names are looked for beside it; [`Reading`] reads with a policy or parameters.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a spec.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::from_file_with(path, Families::builtin())
    }

    /// The same, with sources of these families.
    ///
    /// # Errors
    /// As [`Builder::from_file`].
    pub fn from_file_with(path: impl Into<PathBuf>, families: Families) -> Result<Self, Error> {
        Reading::default().families(families).file(path)
    }

    /// A builder for the text of a spec that is in no file. Files that it names are looked for in `directory`; `name` is what messages call
    /// it, and its lock would lie beside it if it were a file.
    ///
    /// ```
    /// let text = "mikron: 1\nname: a\nsources: { debian: { deb: bookworm } }\npackages: [hello]\n";
    /// let builder = mikron::Builder::from_text("-", text, ".")?;
    /// assert_eq!(builder.spec().name, "a");
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not a spec.
    pub fn from_text(
        name: &str,
        text: impl Into<String>,
        directory: impl Into<PathBuf>,
    ) -> Result<Self, Error> {
        Reading::default().text(name, text, directory)
    }

    /// A builder for a spec that a program has put together. Files that it names, and its lock, are looked for in
    /// `directory`.
    ///
    /// # Errors
    /// When the spec contradicts itself.
    pub fn from_spec(mut spec: Spec, directory: impl Into<PathBuf>) -> Result<Self, Error> {
        spec.take_slices();
        spec.validate()?;
        let file = directory.into().join(format!("{}.yaml", spec.name));
        let specs = Specs {
            plain: Draft {
                spec,
                text: SpecText::default(),
            },
            variants: Vec::new(),
        };
        Ok(Self::new(Order::new(specs, file, Families::builtin())))
    }

    pub(crate) fn new(order: Order) -> Self {
        Self {
            order,
            options: SessionOptions::default(),
            session: None,
            cancellation: Cancellation::default(),
        }
    }

    /// The spec.
    pub fn spec(&self) -> &Spec {
        &self.order.spec
    }

    /// The names of the spec's variants, in their order.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        self.order.specs.variants.iter().map(|(name, _)| &**name)
    }

    /// The variant that is built; none for the image without.
    pub fn built_variant(&self) -> Option<&str> {
        self.order.variant.as_deref()
    }

    /// Builds a variant of the spec in place of the image without.
    ///
    /// # Errors
    /// When the spec has no such variant.
    pub fn variant(mut self, name: &str) -> Result<Self, Error> {
        let variants = &self.order.specs.variants;
        let Some((_, draft)) = variants.iter().find(|(known, _)| known == name) else {
            return Err(Error::UnknownVariant {
                variant: name.to_owned(),
                known: self.variants().map(str::to_owned).collect(),
            });
        };
        let Draft { spec, text } = draft.clone();
        self.order.spec = spec;
        self.order.text = text;
        self.order.variant = Some(name.to_owned());
        Ok(self)
    }

    /// What the spec was read from, for errors at their places; empty for one that a program has put together.
    pub fn text(&self) -> &SpecText {
        &self.order.text
    }

    /// The file of the spec.
    pub fn file(&self) -> &Path {
        &self.order.file
    }

    /// What stands in the file of the spec now.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than specs are.
    pub fn text_of_file(&self) -> Result<String, Error> {
        let bytes = crate::files::read_plain(self.file(), Limits::default().spec)?;
        crate::files::text(self.file(), bytes)
    }

    /// Writes another text into the file of the spec: all of it or nothing. This builder stays as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, text: &str) -> Result<(), Error> {
        crate::files::write_whole(self.file(), text.as_bytes())
    }

    /// Where the lock lies: beside the spec, with `.lock` for its extension (`nginx.yaml`, `nginx.lock`), that of a variant with its name
    /// before (`nginx.debug.lock`).
    pub fn lock_file(&self) -> PathBuf {
        self.order.lock_file()
    }

    /// Adds an output. Several are written from one build.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.order.outputs.push(output);
        self
    }

    /// The same with nothing left out: whole packages of the closure, those that every installation has, and all that `remove`, `without`
    /// and the choice of capabilities or slices leave out. Versions are those of the spec's lock; a build that takes nothing but the lock has
    /// of the packages of every installation those that are in it. It is what an image is compared with that may lack something.
    ///
    /// ```
    /// # let text = "mikron: 1\nname: a\nsources: { debian: { deb: bookworm } }\npackages: [hello:bins]\n";
    /// let whole = mikron::Builder::from_text("-", text, ".")?.whole();
    /// assert!(whole.spec().packages[0].capabilities.is_empty());
    /// # Ok::<(), mikron::Error>(())
    /// ```
    #[must_use]
    pub fn whole(mut self) -> Self {
        let spec = self.order.spec.clone();
        self.change(|spec| {
            spec.select = Some(Select::Full);
            spec.strict = false;
            spec.pair = None;
            spec.remove.clear();
            spec.without.clear();
            if spec.has_no_rules() {
                spec.rules.clear();
            }
            for package in &mut spec.packages {
                package.capabilities.clear();
                package.slices.clear();
                package.select = None;
            }
        });
        self.order.whole_of = Some(Arc::new(spec));
        self
    }

    /// Adds an own place for the image's blobs, and the tag that it is entered under.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn BlobStore>, tag: &str) -> Self {
        self.order.stores.push((store, tag.to_owned()));
        self
    }

    /// Leaves in the layouts what no tag of them reaches. Without a call, a build takes away what the image that it replaces had alone.
    #[must_use]
    pub fn keep(mut self, keep: bool) -> Self {
        self.order.keep = keep;
        self
    }

    /// What `docker load` calls the image of an archive: `NAME`, `NAME:TAG`, with a registry before it if need be. Without a call
    /// `localhost/` and the name of the spec, which is the name of nobody else's image. Of several platforms each has its own behind it.
    #[must_use]
    pub fn docker_name(mut self, name: &str) -> Self {
        self.order.name = Some(name.to_owned());
        self
    }

    /// Compresses layers in this way, whatever the spec says: fast for daily work, small for what is published. It is another image
    /// then, by digest. Archives for `docker load` have layers as they are, and a build of those alone compresses nothing.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.change(|spec| spec.layers.compression = compression);
        self
    }

    /// Annotates manifest and index with this as well, as if the spec said so; where it says something of the key, this holds. It is
    /// meant for what is known when an image is built and not before: the revision of a repository, the version of a release.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.change(|spec| {
            let annotations = &mut spec.image.annotations;
            annotations.insert(key.to_owned(), value.to_owned());
        });
        self
    }

    /// Builds for this platform of the spec, and those of further calls; without a call for all of them.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.order.platforms.push(platform);
        self
    }

    /// Builds exactly what the lock says, and fails where it is missing or stale.
    #[must_use]
    pub fn locked(mut self, locked: bool) -> Self {
        self.order.locked = locked;
        self
    }

    /// What [`Builder::lock`] may change of the lock that is there. Without a call, nothing that the spec does not ask for.
    #[must_use]
    pub fn update(mut self, update: Update) -> Self {
        self.order.update = update;
        self
    }

    /// Works in a session that others work in, too. What the calls below say is the session's then, and not asked.
    #[must_use]
    pub fn session(mut self, session: &Arc<Session>) -> Self {
        self.session = Some(Arc::clone(session));
        self
    }

    /// Ends the work as soon as `cancellation` is cancelled, in about a tenth of a second, with [`Error::Cancelled`]. No output has changed
    /// then, and what the cache has learnt so far is of use for the next build. A build that is about to enter its image goes on.
    ///
    /// ```no_run
    /// let cancellation = mikron::package::Cancellation::new();
    /// let builder = mikron::Builder::from_file("image.yaml")?.cancellation(&cancellation);
    /// let building = std::thread::spawn(move || builder.build());
    /// cancellation.cancel();
    /// assert!(matches!(building.join(), Ok(Err(mikron::Error::Cancelled))));
    /// # Ok::<(), mikron::Error>(())
    /// ```
    #[must_use]
    pub fn cancellation(mut self, cancellation: &Cancellation) -> Self {
        self.cancellation = cancellation.clone();
        self
    }

    /// As [`SessionOptions::cache`].
    #[must_use]
    pub fn cache(self, directory: impl Into<PathBuf>) -> Self {
        self.with(|options| options.cache(directory))
    }

    /// As [`SessionOptions::quota`].
    #[must_use]
    pub fn quota(self, bytes: u64) -> Self {
        self.with(|options| options.quota(bytes))
    }

    /// As [`SessionOptions::offline`].
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        self.with(|options| options.offline(offline))
    }

    /// As [`SessionOptions::refresh`].
    #[must_use]
    pub fn refresh(self, refresh: bool) -> Self {
        self.with(|options| options.refresh(refresh))
    }

    /// As [`SessionOptions::jobs`].
    #[must_use]
    pub fn jobs(self, jobs: usize) -> Self {
        self.with(|options| options.jobs(jobs))
    }

    /// As [`SessionOptions::mirror`].
    #[must_use]
    pub fn mirror(self, archive: &str, url: &str) -> Self {
        self.with(|options| options.mirror(archive, url))
    }

    /// As [`SessionOptions::environment`].
    #[must_use]
    pub fn environment(self, environment: Environment) -> Self {
        self.with(|options| options.environment(environment))
    }

    /// As [`SessionOptions::fetch`].
    #[must_use]
    pub fn fetch(self, fetch: Arc<dyn Fetch>) -> Self {
        self.with(|options| options.fetch(fetch))
    }

    /// As [`SessionOptions::solver`].
    #[must_use]
    pub fn solver(self, solver: Arc<dyn Solver>) -> Self {
        self.with(|options| options.solver(solver))
    }

    /// As [`SessionOptions::progress`].
    #[must_use]
    pub fn progress(self, progress: Arc<dyn Progress>) -> Self {
        self.with(|options| options.progress(progress))
    }

    /// As [`SessionOptions::policy`].
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        self.with(|options| options.policy(policy))
    }

    /// Changes the spec, and those of its variants.
    fn change(&mut self, change: impl Fn(&mut Spec)) {
        change(&mut self.order.spec);
        for (_, draft) in &mut Arc::make_mut(&mut self.order.specs).variants {
            change(&mut draft.spec);
        }
    }

    fn with(mut self, change: impl FnOnce(SessionOptions) -> SessionOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Builds the image and writes it to every output and store. Without any, nothing but the cache is written.
    ///
    /// # Errors
    /// Whatever fails; then every output is as it was.
    pub fn build(&self) -> Result<BuildReport, Error> {
        self.run(build::build)
    }

    /// Writes what an earlier build of the same spec over the same packages came to, as [`Builder::build`] does before all else. `None`
    /// where the cache does not remember it; then nothing was written.
    ///
    /// ```no_run
    /// let builder = mikron::Builder::from_file("image.yaml")?.output(mikron::Output::layout("out", "latest"));
    /// let report = match builder.recall()? {
    ///     Some(report) => report,
    ///     None => builder.build()?,
    /// };
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn recall(&self) -> Result<Option<BuildReport>, Error> {
        self.run(build::recall)
    }

    /// Builds the image and every variant of the spec, each to the outputs and stores by a tag of its own: the name of the variant in
    /// place of `latest`, else behind the tag and a `-`. Nothing is tagged before all of them are built. Of a builder for one variant
    /// that one alone. The reports are in the order of the spec, that of the image without a variant first.
    ///
    /// ```no_run
    /// let builder = mikron::Builder::from_file("image.yaml")?.output(mikron::Output::layout("out", "latest"));
    /// for report in builder.build_all()? {
    ///     println!("{} {}", report.variant.as_deref().unwrap_or("latest"), report.digest);
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// Whatever fails; when an output holds one image and there are several.
    pub fn build_all(&self) -> Result<Vec<BuildReport>, Error> {
        let dry = |builder: &Self| {
            let mut dry = builder.clone();
            dry.order.outputs.clear();
            dry.order.stores.clear();
            dry.build().map(|_| true)
        };
        let reports = self.each(dry, |builder| builder.build().map(Some))?;
        Ok(reports.unwrap_or_default())
    }

    /// As [`Builder::recall`], of the image and every variant. `None` where one of them is not remembered.
    ///
    /// # Errors
    /// As [`Builder::build_all`].
    pub fn recall_all(&self) -> Result<Option<Vec<BuildReport>>, Error> {
        self.each(|builder| builder.run(build::is_remembered), Self::recall)
    }

    /// This builder and one for each variant of the spec; of a builder for one variant itself alone.
    ///
    /// # Errors
    /// None but what [`Builder::variant`] has.
    pub fn all(&self) -> Result<Vec<Self>, Error> {
        let mut all = vec![self.clone()];
        if self.order.variant.is_none() {
            for variant in self.variants() {
                all.push(self.clone().variant(variant)?);
            }
        }
        Ok(all)
    }

    /// A step for the image and each of its variants, after one that changes no output: none has changed when one fails.
    fn each(
        &self,
        first: impl Fn(&Self) -> Result<bool, Error>,
        step: impl Fn(&Self) -> Result<Option<BuildReport>, Error>,
    ) -> Result<Option<Vec<BuildReport>>, Error> {
        let all = self.all()?.into_iter();
        let several = self.order.variant.is_none() && all.len() > 1;
        let mut all = if several {
            all.map(Self::at_own_tags).collect::<Result<Vec<_>, _>>()?
        } else {
            all.collect()
        };
        let named = |builder: &Self, error| match (&builder.order.variant, error) {
            (Some(variant), error) if several && !matches!(error, Error::Cancelled) => {
                let (variant, error) = (variant.clone(), Box::new(error));
                Error::Variant { variant, error }
            }
            (_, error) => error,
        };
        if several {
            let session = match &self.session {
                Some(session) => Arc::clone(session),
                None => Arc::new(self.options.clone().open_alone()?),
            };
            for builder in &mut all {
                builder.session = Some(Arc::clone(&session));
                if !first(builder).map_err(|error| named(builder, error))? {
                    return Ok(None);
                }
            }
        }
        let step = |builder| step(builder).map_err(|error| named(builder, error));
        all.iter().map(step).collect()
    }

    /// The tags of a variant where those of the image without stood.
    fn at_own_tags(mut self) -> Result<Self, Error> {
        let is_one = |output: &&Output| !output.has_tags();
        if let Some(output) = self.order.outputs.iter().find(is_one) {
            return Err(Error::SeveralVariants(output.clone()));
        }
        let Some(variant) = &self.order.variant else {
            return Ok(self);
        };
        for output in &mut self.order.outputs {
            *output = output.of_variant(variant);
        }
        for (_, tag) in &mut self.order.stores {
            *tag = tag_of(tag, variant);
        }
        Ok(self)
    }

    /// Resolves the spec against what its sources publish now. [`Lock::to_yaml`] is what belongs into
    /// [`Builder::lock_file`]. Versions of a lock that lies there stay, where they can and [`Builder::update`] does not say otherwise;
    /// a warning names those that could be newer.
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or the spec has no solution.
    pub fn lock(&self) -> Result<Lock, Error> {
        self.run_with(false, lock::lock)
    }

    /// Resolves the spec and writes the lock beside it: all of it or nothing. Gives back the file, and the lock.
    ///
    /// # Errors
    /// As [`Builder::lock`]; when the file cannot be written.
    pub fn write_lock(&self) -> Result<(PathBuf, Lock), Error> {
        let lock = self.lock()?;
        let file = self.lock_file();
        crate::files::write_whole(&file, lock.to_yaml().as_bytes())?;
        Ok((file, lock))
    }

    /// Selects as a build does, and keeps every reason.
    ///
    /// # Errors
    /// As [`Builder::build`], less the outputs.
    pub fn explain(&self) -> Result<Explanations, Error> {
        self.run(explain::explanations)
    }

    /// Selects as a build does, and lays the selection out as a matrix, one for each platform. What is missing is part of it:
    /// an image that cannot be closed has a matrix, too.
    ///
    /// ```no_run
    /// for matrix in mikron::Builder::from_file("nginx.yaml")?.matrix()? {
    ///     for need in matrix.missing() {
    ///         println!("{}: {} is missing", matrix.platform, need.token);
    ///     }
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or the packages cannot be had together.
    pub fn matrix(&self) -> Result<Vec<Matrix>, Error> {
        self.run(matrix::matrices)
    }

    /// What the image of the spec would hold, by package and file. Everything is done that a build does, less the layers.
    ///
    /// ```no_run
    /// use mikron::{Builder, matrix::diff, layout_inventory};
    /// let built = layout_inventory("out/nginx".as_ref(), "latest")?;
    /// let now = Builder::from_file("nginx.yaml")?.inventory()?;
    /// assert!(diff(&built, &now).is_empty(), "the image is up to date");
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::build`], less the outputs.
    pub fn inventory(&self) -> Result<Inventory, Error> {
        self.run(diff::inventory)
    }

    /// Every maintainer script of the image's packages on each platform, and what became of what it would do. Everything is done that a
    /// build does, less the layers.
    ///
    /// ```no_run
    /// for (platform, scripts) in mikron::Builder::from_file("nginx.yaml")?.scripts()? {
    ///     for script in scripts.iter().filter(|script| !script.uncovered.is_empty()) {
    ///         println!("{platform}: {} {}: {:?}", script.package, script.script, script.uncovered);
    ///     }
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::inventory`].
    pub fn scripts(&self) -> Result<BTreeMap<Platform, Vec<ScriptReport>>, Error> {
        self.run(scripts::scripts)
    }

    /// What a package of the spec's sources offers, on each platform. The version is the one that the spec's image has or would
    /// have; the spec need not name the package.
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or has no such package.
    pub fn capabilities(&self, package: &PackageName) -> Result<Vec<PackageCapabilities>, Error> {
        self.run(|run| capabilities::offers(run, package))
    }

    /// The session that it works in: the one that was handed over, or one of its own.
    pub(crate) fn open_session(&self) -> Result<Arc<Session>, Error> {
        match &self.session {
            Some(session) => Ok(Arc::clone(session)),
            None => Ok(Arc::new(self.options.clone().open_alone()?)),
        }
    }

    /// Whether platforms were asked for.
    pub(crate) fn names_platforms(&self) -> bool {
        !self.order.platforms.is_empty()
    }

    fn run<T>(&self, view: impl FnOnce(&Run<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.run_with(true, view)
    }

    fn run_with<T>(
        &self,
        lock_counts: bool,
        view: impl FnOnce(&Run<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut session = self.open_session()?;
        if self.cancellation.is_possible() {
            session = Arc::new(session.cancelled_by(&self.cancellation));
        }
        let run = Run::new(&session, &self.order, lock_counts);
        let done = run.and_then(|run| view(&run));
        // Whatever it was that failed then.
        done.map_err(|error| match session.check() {
            Ok(()) => error,
            Err(cancelled) => cancelled,
        })
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("spec", &self.order.spec.name)
            .field("file", &self.order.file)
            .finish_non_exhaustive()
    }
}
