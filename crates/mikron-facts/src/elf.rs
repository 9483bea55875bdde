//! ELF files, read at positions: a library of 150 MB costs a few pages of memory.
//!
//! Only the file header, the program headers, the dynamic section and the tables it names are read (System V gABI, chapters 4
//! and 5; LSB core, "Symbol Versioning"), and the constants of programs; section headers are never needed, and stripped files lack none of it.

mod dynamic;
mod notes;
mod pages;
mod symbols;
mod tags;
mod versions;
mod words;

use std::io;

use crate::{ElfClass, ElfFacts, ElfKind, Endianness, Symbols, Unresolved};
use pages::Pages;

/// Something that can be read at positions.
pub trait ReadAt {
    /// Its length in bytes.
    fn len(&self) -> u64;

    /// Whether it is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads some bytes from `offset` on; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    /// What reading gave.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }
}

/// Reads what an ELF file says of itself, and which of these symbols it imports.
///
/// ```
/// use mikron_facts::{Symbols, read_elf};
/// let error = read_elf(&b"\x7fELF and nothing else"[..], &Symbols::default()).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
/// ```
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the structure is broken, else what reading gave.
pub fn read_elf<R: ReadAt + ?Sized>(file: &R, symbols: &Symbols) -> io::Result<ElfFacts> {
    Image::open(&file, symbols)?.facts()
}

/// A broken structure, said as the end of "broken ELF file: …".
fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PF_X: u32 = 1;
const PF_W: u32 = 2;

/// More program headers than any linker writes.
const MAX_SEGMENTS: u16 = 4096;

#[derive(Clone, Copy, Debug)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
}

/// An open ELF file.
struct Image<'a> {
    symbols: &'a Symbols,
    pages: Pages<'a>,
    class: ElfClass,
    endianness: Endianness,
    file_type: u16,
    machine: u16,
    flags: u32,
    segments: Vec<Segment>,
}

impl<'a> Image<'a> {
    fn open(file: &'a dyn ReadAt, symbols: &'a Symbols) -> io::Result<Self> {
        let mut pages = Pages::new(file);
        let mut ident = [0; 16];
        pages.read(0, &mut ident)?;
        if !ident.starts_with(b"\x7fELF") {
            return Err(broken("no ELF magic"));
        }
        let class = match ident[4] {
            1 => ElfClass::Elf32,
            2 => ElfClass::Elf64,
            _ => return Err(broken("unknown word size")),
        };
        let endianness = match ident[5] {
            1 => Endianness::Little,
            2 => Endianness::Big,
            _ => return Err(broken("unknown byte order")),
        };
        let mut image = Self {
            symbols,
            pages,
            class,
            endianness,
            file_type: 0,
            machine: 0,
            flags: 0,
            segments: Vec::new(),
        };
        image.file_type = image.u16(16)?;
        image.machine = image.u16(18)?;
        let wide = class == ElfClass::Elf64;
        let (table, flags, size_at, count_at) = if wide {
            (image.u64(32)?, 48, 54, 56)
        } else {
            (u64::from(image.u32(28)?), 36, 42, 44)
        };
        image.flags = image.u32(flags)?;
        let size = image.u16(size_at)?;
        let count = image.u16(count_at)?;
        if count > MAX_SEGMENTS {
            return Err(broken("over 4096 program headers"));
        }
        if count > 0 && size != if wide { 56 } else { 32 } {
            return Err(broken("program headers of an unknown size"));
        }
        for i in 0..u64::from(count) {
            let at = add(table, i * u64::from(size))?;
            let kind = image.u32(at)?;
            let flags = image.u32(add(at, if wide { 4 } else { 24 })?)?;
            let (offset, address, file_size) = if wide {
                (
                    image.u64(add(at, 8)?)?,
                    image.u64(add(at, 16)?)?,
                    image.u64(add(at, 32)?)?,
                )
            } else {
                let word = |image: &mut Self, by| image.u32(add(at, by)?).map(u64::from);
                (
                    word(&mut image, 4)?,
                    word(&mut image, 8)?,
                    word(&mut image, 16)?,
                )
            };
            image.segments.push(Segment {
                kind,
                flags,
                offset,
                address,
                file_size,
            });
        }
        Ok(image)
    }

    fn facts(mut self) -> io::Result<ElfFacts> {
        let mut facts = ElfFacts {
            class: self.class,
            endianness: self.endianness,
            machine: self.machine,
            flags: self.flags,
            kind: match self.file_type {
                1 => ElfKind::Relocatable,
                2 => ElfKind::Executable,
                3 => ElfKind::Shared,
                _ => ElfKind::Other,
            },
            dynamic: false,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            filters: Vec::new(),
            auxiliaries: Vec::new(),
            rpath: Vec::new(),
            runpath: Vec::new(),
            bind_now: false,
            no_default_dirs: false,
            version_needs: Vec::new(),
            version_definitions: Vec::new(),
            imports: Vec::new(),
            exports: None,
            unresolved: Unresolved::default(),
            words: None,
            dlopen: Vec::new(),
            broken_note: None,
            minimum_kernel: None,
            x86_level: None,
        };
        if let Some(segment) = self.segment(PT_INTERP) {
            // Debug files have the header of a segment whose content was left in the program.
            facts.interpreter = Some(self.interpreter(segment)?).filter(|path| !path.is_empty());
        }
        match self.segment(PT_DYNAMIC) {
            Some(segment) if segment.file_size > 0 => {
                dynamic::read(&mut self, segment, &mut facts)?;
            }
            // What names a loader and has no dynamic section is still started by it.
            _ if facts.kind == ElfKind::Shared && facts.interpreter.is_some() => {
                facts.kind = ElfKind::PositionIndependent;
            }
            _ => {}
        }
        for at in 0..self.segments.len() {
            let segment = self.segments[at];
            if segment.kind == PT_NOTE {
                notes::read(&mut self, segment, &mut facts)?;
            }
        }
        if facts.is_executable() || facts.kind == ElfKind::Shared {
            facts.words = words::read(&mut self)?;
        }
        Ok(facts)
    }

    fn segment(&self, kind: u32) -> Option<Segment> {
        self.segments.iter().find(|s| s.kind == kind).copied()
    }

    fn interpreter(&mut self, segment: Segment) -> io::Result<String> {
        if segment.file_size > 4096 {
            return Err(broken("an interpreter of over 4096 bytes"));
        }
        let mut bytes = vec![0; segment.file_size as usize];
        self.pages.read(segment.offset, &mut bytes)?;
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        text(&bytes[..end])
    }

    /// The file offset of an address, by the loadable segments.
    fn offset_of(&self, address: u64) -> io::Result<u64> {
        let holds = |s: &&Segment| {
            s.kind == PT_LOAD && address >= s.address && address - s.address < s.file_size
        };
        match self.segments.iter().find(holds) {
            Some(segment) => add(segment.offset, address - segment.address),
            None => Err(broken("an address outside of the loaded segments")),
        }
    }

    fn u16(&mut self, at: u64) -> io::Result<u16> {
        let mut bytes = [0; 2];
        self.pages.read(at, &mut bytes)?;
        Ok(match self.endianness {
            Endianness::Little => u16::from_le_bytes(bytes),
            Endianness::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&mut self, at: u64) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.pages.read(at, &mut bytes)?;
        Ok(match self.endianness {
            Endianness::Little => u32::from_le_bytes(bytes),
            Endianness::Big => u32::from_be_bytes(bytes),
        })
    }

    fn u64(&mut self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.pages.read(at, &mut bytes)?;
        Ok(match self.endianness {
            Endianness::Little => u64::from_le_bytes(bytes),
            Endianness::Big => u64::from_be_bytes(bytes),
        })
    }

    /// A word of the file's own size.
    fn word(&mut self, at: u64) -> io::Result<u64> {
        match self.class {
            ElfClass::Elf32 => self.u32(at).map(u64::from),
            ElfClass::Elf64 => self.u64(at),
        }
    }

    /// The size of such a word in bytes.
    fn word_size(&self) -> u64 {
        match self.class {
            ElfClass::Elf32 => 4,
            ElfClass::Elf64 => 8,
        }
    }
}

fn add(a: u64, b: u64) -> io::Result<u64> {
    a.checked_add(b)
        .ok_or_else(|| broken("an offset beyond 64 bits"))
}

/// Names in ELF files are ASCII in practice; what is not UTF-8 is kept readable.
fn text(bytes: &[u8]) -> io::Result<String> {
    if bytes.len() > 4096 {
        return Err(broken("a name of over 4096 bytes"));
    }
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
