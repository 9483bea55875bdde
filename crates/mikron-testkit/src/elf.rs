//! A small writer of dynamic ELF files: what a loader, or a reader of facts, looks at, and no code.

/// Builds 64-bit little-endian ELF files.
///
/// ```
/// use mikron_testkit::elf::ElfBuilder;
/// let library = ElfBuilder::library("libz.so.1")
///     .needed("libc.so.6")
///     .version_need("libc.so.6", &["GLIBC_2.34"])
///     .version_definition("ZLIB_1.2")
///     .import("pthread_exit")
///     .build();
/// assert_eq!(&library[..4], b"\x7fELF");
/// ```
#[derive(Clone, Debug)]
pub struct ElfBuilder {
    machine: u16,
    executable: bool,
    interpreter: Option<String>,
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Option<String>,
    runpath: Option<String>,
    needs: Vec<(String, Vec<String>)>,
    definitions: Vec<String>,
    imports: Vec<String>,
    dlopen: Option<String>,
}

/// The address at which the file is loaded, so that addresses are not offsets by chance.
const BASE: u64 = 0x40_0000;

impl ElfBuilder {
    fn new(executable: bool) -> Self {
        Self {
            machine: 62,
            executable,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            needs: Vec::new(),
            definitions: Vec::new(),
            imports: Vec::new(),
            dlopen: None,
        }
    }

    /// A shared library for x86-64.
    pub fn library(soname: &str) -> Self {
        Self {
            soname: Some(soname.to_owned()),
            ..Self::new(false)
        }
    }

    /// A position-independent executable for x86-64 with the usual loader of glibc.
    pub fn executable() -> Self {
        Self {
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
            ..Self::new(true)
        }
    }

    /// Sets `e_machine` (62 is x86-64, 183 is AArch64).
    #[must_use]
    pub fn machine(mut self, machine: u16) -> Self {
        self.machine = machine;
        self
    }

    /// Sets the loader.
    #[must_use]
    pub fn interpreter(mut self, path: &str) -> Self {
        self.interpreter = Some(path.to_owned());
        self
    }

    /// Adds a `DT_NEEDED`.
    #[must_use]
    pub fn needed(mut self, soname: &str) -> Self {
        self.needed.push(soname.to_owned());
        self
    }

    /// Sets `DT_RPATH`.
    #[must_use]
    pub fn rpath(mut self, path: &str) -> Self {
        self.rpath = Some(path.to_owned());
        self
    }

    /// Sets `DT_RUNPATH`.
    #[must_use]
    pub fn runpath(mut self, path: &str) -> Self {
        self.runpath = Some(path.to_owned());
        self
    }

    /// Adds versions required of a library.
    #[must_use]
    pub fn version_need(mut self, library: &str, versions: &[&str]) -> Self {
        let versions = versions.iter().map(ToString::to_string).collect();
        self.needs.push((library.to_owned(), versions));
        self
    }

    /// Adds a version that the library defines.
    #[must_use]
    pub fn version_definition(mut self, version: &str) -> Self {
        self.definitions.push(version.to_owned());
        self
    }

    /// Adds an undefined symbol.
    #[must_use]
    pub fn import(mut self, symbol: &str) -> Self {
        self.imports.push(symbol.to_owned());
        self
    }

    /// Sets the JSON of a `.note.dlopen`.
    #[must_use]
    pub fn dlopen_note(mut self, json: &str) -> Self {
        self.dlopen = Some(json.to_owned());
        self
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut strings = Strings(vec![0]);
        let mut tags: Vec<(u64, u64)> = Vec::new();
        for name in &self.needed {
            tags.push((1, strings.add(name)));
        }
        for (tag, name) in [(14, &self.soname), (15, &self.rpath), (29, &self.runpath)] {
            if let Some(name) = name {
                tags.push((tag, strings.add(name)));
            }
        }
        let symbols = self.symbols(&mut strings);
        let needs = self.version_needs(&mut strings);
        let definitions = self.version_definitions(&mut strings);

        // Tables in the order in which GNU ld writes them; program headers are counted first, since they shift all.
        let segments = 2 + u64::from(self.interpreter.is_some()) + u64::from(self.dlopen.is_some());
        let mut body: Vec<u8> = Vec::new();
        let start = 64 + segments * 56;
        let mut put = |bytes: &[u8]| -> (u64, u64) {
            body.resize(body.len().next_multiple_of(8), 0);
            let at = start + body.len() as u64;
            body.extend_from_slice(bytes);
            (at, bytes.len() as u64)
        };
        let interpreter = self
            .interpreter
            .as_ref()
            .map(|path| put(&[path.as_bytes(), b"\0"].concat()));
        let note = self.dlopen.as_ref().map(|json| put(&note(json)));
        let symbols = put(&symbols);
        let strings = put(&strings.0);
        tags.extend([
            (5, BASE + strings.0),
            (10, strings.1),
            (6, BASE + symbols.0),
            (11, 24),
        ]);
        if !self.needs.is_empty() {
            let at = put(&needs).0;
            tags.extend([
                (0x6fff_fffe, BASE + at),
                (0x6fff_ffff, self.needs.len() as u64),
            ]);
        }
        if !self.definitions.is_empty() {
            let at = put(&definitions).0;
            let count = self.definitions.len() as u64 + 1;
            tags.extend([(0x6fff_fffc, BASE + at), (0x6fff_fffd, count)]);
        }
        if self.executable {
            tags.push((0x6fff_fffb, 0x0800_0000));
        }
        tags.push((0, 0));
        let dynamic: Vec<u8> = tags
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect();
        let dynamic = put(&dynamic);
        let end = start + body.len() as u64;

        let mut file = self.header(segments as u16);
        file.extend(segment(1, 0, end));
        file.extend(segment(2, dynamic.0, dynamic.1));
        file.extend(interpreter.map_or_else(Vec::new, |(at, size)| segment(3, at, size)));
        file.extend(note.map_or_else(Vec::new, |(at, size)| segment(4, at, size)));
        file.extend(body);
        file
    }

    fn header(&self, segments: u16) -> Vec<u8> {
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(16, 0);
        header.extend(3u16.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(BASE.to_le_bytes());
        header.extend(64u64.to_le_bytes());
        header.extend(0u64.to_le_bytes());
        header.extend(0u32.to_le_bytes());
        for field in [64, 56, segments, 64, 0, 0] {
            header.extend(field.to_le_bytes());
        }
        header
    }

    fn symbols(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = vec![0; 24];
        for import in &self.imports {
            table.extend((strings.add(import) as u32).to_le_bytes());
            // Global function, default visibility, undefined.
            table.extend([0x12, 0, 0, 0]);
            table.extend([0; 16]);
        }
        table
    }

    fn version_needs(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = Vec::new();
        for (i, (library, versions)) in self.needs.iter().enumerate() {
            let last = i + 1 == self.needs.len();
            let size = 16 + 16 * versions.len() as u32;
            table.extend(1u16.to_le_bytes());
            table.extend((versions.len() as u16).to_le_bytes());
            table.extend((strings.add(library) as u32).to_le_bytes());
            table.extend(16u32.to_le_bytes());
            table.extend(if last { 0 } else { size }.to_le_bytes());
            for (k, version) in versions.iter().enumerate() {
                table.extend(0u32.to_le_bytes());
                table.extend([0, 0, 2, 0]);
                table.extend((strings.add(version) as u32).to_le_bytes());
                let next = if k + 1 == versions.len() { 0u32 } else { 16 };
                table.extend(next.to_le_bytes());
            }
        }
        table
    }

    fn version_definitions(&self, strings: &mut Strings) -> Vec<u8> {
        let base = self.soname.clone().unwrap_or_default();
        let names: Vec<&String> = std::iter::once(&base).chain(&self.definitions).collect();
        let mut table = Vec::new();
        for (i, name) in names.iter().enumerate() {
            table.extend(1u16.to_le_bytes());
            table.extend(u16::from(i == 0).to_le_bytes());
            table.extend((i as u16 + 1).to_le_bytes());
            table.extend(1u16.to_le_bytes());
            table.extend(0u32.to_le_bytes());
            table.extend(20u32.to_le_bytes());
            let next = if i + 1 == names.len() { 0u32 } else { 28 };
            table.extend(next.to_le_bytes());
            table.extend((strings.add(name) as u32).to_le_bytes());
            table.extend(0u32.to_le_bytes());
        }
        table
    }
}

struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, name: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        at
    }
}

fn segment(kind: u32, at: u64, size: u64) -> Vec<u8> {
    let mut header = kind.to_le_bytes().to_vec();
    header.extend(5u32.to_le_bytes());
    for field in [at, BASE + at, BASE + at, size, size, 8] {
        header.extend(field.to_le_bytes());
    }
    header
}

fn note(json: &str) -> Vec<u8> {
    let mut note = 4u32.to_le_bytes().to_vec();
    note.extend((json.len() as u32 + 1).to_le_bytes());
    note.extend(0x407c_0c0au32.to_le_bytes());
    note.extend(b"FDO\0");
    note.extend(json.as_bytes());
    note.push(0);
    note.resize(note.len().next_multiple_of(4), 0);
    note
}
