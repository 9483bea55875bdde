//! What prints, and what converts documents.

use std::fmt::Write as _;
use std::fs;

use crate::battery::Stage;
use crate::runtime::Run;

/// Writes a file into the directory in which the programs work.
fn desk(stage: &Stage, name: &str, content: impl AsRef<[u8]>) {
    fs::write(stage.rootfs().join("desk").join(name), content).expect("a writable directory");
}

/// What a program wrote into a file there.
fn made(stage: &Stage, name: &str) -> Vec<u8> {
    fs::read(stage.rootfs().join("desk").join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A picture in PNG that is not of one colour: what is of one is tiny.
fn drawn(stage: &Stage, name: &str) {
    let picture = made(stage, name);
    assert!(picture.starts_with(b"\x89PNG"), "{name} is no picture");
    assert!(picture.len() > 900, "{name} has {} bytes", picture.len());
}

const PAGE: &str = "<!DOCTYPE html><html><head><meta charset=utf-8><style>p { font-family: 'DejaVu Sans' }</style></head>\
                    <body><h1>Grün</h1><p>hello</p><img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' \
                    width='9' height='9'><rect width='9' height='9'/></svg>\"></body></html>";

/// One page with a line of text in a font that the reader brings.
fn pdf() -> Vec<u8> {
    let text = "BT /F1 24 Tf 72 720 Td (Hello from a page) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = "xref\n0 6\n0000000000 65535 f \n".to_owned();
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let start = file.len();
    file += &table;
    let _ = write!(
        file,
        "trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}

pub(super) fn cups(stage: &Stage) {
    let mut server = stage.serve();
    let page = server.fetch(&["http://localhost:631/"]);
    assert!(page.contains("CUPS"), "{page}");
    // One queue prints into the other by the backend of IPP. (A raw queue writes nothing into a file.)
    for (queue, device) in [
        ("wall", "file:///dev/null"),
        ("desk", "ipp://localhost:631/printers/wall"),
    ] {
        let add = ["/usr/sbin/lpadmin", "-p", queue, "-E", "-v", device];
        server.exec_until(&[&add[..], &["-m", "raw"]].concat());
    }
    server
        .exec(&["/usr/bin/lp", "-d", "desk", "/etc/passwd"])
        .well();
    let printed = super::until(|| {
        let done = server.exec(&["/usr/bin/lpstat", "-W", "completed"]).text();
        (done.contains("desk-") && done.contains("wall-")).then_some(done)
    });
    assert!(printed.is_some(), "{}", server.output());
    // A chain of filters, by the tables of MIME types.
    let filtered = stage.run(&[
        "/usr/sbin/cupsfilter",
        "-m",
        "application/pdf",
        "/etc/passwd",
    ]);
    let text = filtered.text();
    assert!(
        filtered.status.success() && text.contains("%PDF-"),
        "{text}"
    );
}

pub(super) fn ghostscript(stage: &Stage) {
    desk(stage, "page.pdf", pdf());
    let gs = |args: &[&str]| {
        let quiet = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER"];
        let finished = stage.call(&[&quiet[..], args].concat());
        let text = finished.text();
        assert!(
            finished.status.success() && !text.contains("rror"),
            "{args:?}: {text}"
        );
        text
    };
    let text = gs(&["-sDEVICE=txtwrite", "-sOutputFile=-", "/desk/page.pdf"]);
    assert!(text.contains("Hello from a page"), "{text}");
    gs(&[
        "-sDEVICE=png16m",
        "-r50",
        "-sOutputFile=/desk/page.png",
        "/desk/page.pdf",
    ]);
    drawn(stage, "page.png");
    let script =
        "%!\n/Times-Roman findfont 20 scalefont setfont 72 72 moveto (hello) show showpage\n";
    desk(stage, "page.ps", script);
    gs(&[
        "-sDEVICE=pdfwrite",
        "-sOutputFile=/desk/out.pdf",
        "/desk/page.ps",
    ]);
    let text = gs(&["-sDEVICE=txtwrite", "-sOutputFile=-", "/desk/out.pdf"]);
    assert!(text.contains("hello"), "{text}");
    stage
        .run(&["/usr/bin/ps2pdf", "/desk/page.ps", "/desk/again.pdf"])
        .well();
    assert!(made(stage, "again.pdf").starts_with(b"%PDF"));
}

pub(super) fn pandoc(stage: &Stage) {
    desk(
        stage,
        "page.md",
        "---\ntitle: Grün\n---\n\n# One\n\nSome *text* with `x = 1`.\n\n```python\nx = 1\n```\n",
    );
    for name in ["page.docx", "page.odt", "page.epub"] {
        stage.call(&["page.md", "-o", name]).well();
        let plain = stage.call(&[name, "-t", "plain"]).well();
        assert!(plain.contains("Some text with x = 1."), "{name}: {plain}");
    }
    let html = stage.call(&["-s", "--toc", "page.md", "-t", "html"]).well();
    assert!(
        html.contains("<title>Grün</title>") && html.contains("sourceCode"),
        "{html}"
    );
    let latex = stage.call(&["-s", "page.md", "-t", "latex"]).well();
    assert!(latex.contains("\\documentclass"), "{latex}");
}

pub(super) fn wkhtmltopdf(stage: &Stage) {
    desk(stage, "page.html", PAGE);
    let finished = stage.call(&[
        "--quiet",
        "--enable-local-file-access",
        "page.html",
        "page.pdf",
    ]);
    let text = finished.text();
    assert!(finished.status.success(), "{text}");
    let page = made(stage, "page.pdf");
    assert!(page.starts_with(b"%PDF") && page.len() > 5000, "{text}");
    let page = String::from_utf8_lossy(&page);
    assert!(page.contains("DejaVuSans"), "the font is embedded");
    stage
        .run(&["/usr/bin/wkhtmltoimage", "--quiet", "page.html", "page.png"])
        .well();
    drawn(stage, "page.png");
}

pub(super) fn weasyprint(stage: &Stage) {
    desk(stage, "page.html", PAGE);
    let finished = stage.call(&["page.html", "page.pdf"]);
    let text = finished.text();
    assert!(
        finished.status.success() && !text.contains("ERROR"),
        "{text}"
    );
    let page = made(stage, "page.pdf");
    assert!(page.starts_with(b"%PDF") && page.len() > 5000, "{text}");
    let page = String::from_utf8_lossy(&page);
    assert!(page.contains("DejaVu"), "the font is embedded");
}

pub(super) fn poppler(stage: &Stage) {
    desk(stage, "page.pdf", pdf());
    let text = stage.call(&["page.pdf", "-"]).well();
    assert_eq!(text.trim_end_matches('\u{c}').trim(), "Hello from a page");
    let info = stage.run(&["/usr/bin/pdfinfo", "page.pdf"]).well();
    assert!(info.contains("letter"), "{info}");
    let drawing = stage
        .run(&["/usr/bin/pdftoppm", "-png", "-r", "50", "page.pdf", "page"])
        .well();
    assert!(!drawing.contains("rror"), "{drawing}");
    drawn(stage, "page-1.png");
    stage
        .run(&["/usr/bin/pdftocairo", "-svg", "page.pdf", "page.svg"])
        .well();
    let picture = made(stage, "page.svg");
    assert!(String::from_utf8_lossy(&picture).contains("<path"));
    let fonts = stage
        .run(&["/usr/bin/pdffonts", "-subst", "page.pdf"])
        .well();
    assert!(fonts.contains("DejaVu"), "{fonts}");
    stage
        .run(&["/usr/bin/pdfunite", "page.pdf", "page.pdf", "two.pdf"])
        .well();
}

pub(super) fn graphviz(stage: &Stage) {
    let graph = "digraph { node [fontname=\"DejaVu Sans\"]; a -> b; b -> \"grün\"; }";
    for (kind, begins) in [
        ("svg", &b"<?xml"[..]),
        ("pdf", b"%PDF"),
        ("png", b"\x89PNG"),
        ("gif", b"GIF8"),
    ] {
        let how = Run {
            stdin: graph.into(),
            ..Run::default()
        };
        let kind = format!("-T{kind}");
        let picture = stage.run_with(&["/usr/bin/dot", &kind], how);
        let begun = picture.output.starts_with(begins);
        assert!(
            picture.status.success() && begun,
            "{kind}: {}",
            picture.text()
        );
    }
    for layout in ["neato", "fdp", "circo", "twopi"] {
        let how = Run {
            stdin: graph.into(),
            ..Run::default()
        };
        let program = format!("/usr/bin/{layout}");
        let placed = stage.run_with(&[&program, "-Tplain"], how).well();
        assert!(placed.starts_with("graph 1"), "{placed}");
    }
}
