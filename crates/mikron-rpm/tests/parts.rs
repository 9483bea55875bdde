//! Reading `primary.xml` in parts: what is read without a fault is what the whole says.

use mikron_package::{Limits, OddRecords, Origin, PackageRecord};
use mikron_rpm::{Census, PrimaryParts, PrimaryReader, RepomdError};
use proptest::prelude::*;

fn document() -> String {
    let package = |number: u32| {
        format!(
            "<package type=\"rpm\"><name>p{number}</name><arch>noarch</arch><version epoch=\"0\" ver=\"{number}\" rel=\"1\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{number:064}</checksum><summary>A &amp; B</summary>\
             <location href=\"p{number}.rpm\"/><format><rpm:provides><rpm:entry name=\"p{number}\"/></rpm:provides>\
             <file>/usr/bin/p{number}</file></format></package>\n"
        )
    };
    let packages: Vec<String> = (0..5).map(package).collect();
    format!(
        "<?xml version=\"1.0\"?>\n<metadata xmlns:rpm=\"r\" packages=\"5\">\n{}</metadata>\n",
        packages.concat()
    )
}

/// Packages, and those that cannot be used.
type Found = (Vec<PackageRecord>, OddRecords);

fn whole(text: &str) -> Result<Found, RepomdError> {
    let origin = Origin::named("primary.xml");
    let mut reader = PrimaryReader::new(text.as_bytes(), &Limits::default(), &origin);
    let mut records = Vec::new();
    while let Some(record) = reader.next_package()? {
        records.push(record);
    }
    Ok((records, reader.odd().clone()))
}

/// The same in parts; `None` where anything is wrong.
fn in_parts(text: &str, size: usize) -> Option<Found> {
    let limits = Limits::default();
    let mut parts = PrimaryParts::new(text.as_bytes(), &limits).of_size(size);
    let (mut census, mut records, mut odd) = (Census::default(), Vec::new(), OddRecords::default());
    while let Some(part) = parts.next_part().ok()? {
        let mut reader = PrimaryReader::of_text(&part, &limits, &Origin::default()).part();
        let mut found = Vec::new();
        while let Some(record) = reader.next_package().ok()? {
            found.push(record);
        }
        census.promise(reader.promised());
        for record in reader.odd().iter() {
            census.count(&limits).ok()?;
            odd.add(record.clone());
        }
        for record in found {
            census.count(&limits).ok()?;
            if census.is_new(&record).ok()? {
                records.push(record);
            }
        }
    }
    census.finish().ok()?;
    (!records.is_empty() || odd.is_empty()).then_some((records, odd))
}

#[test]
fn a_document_reads_the_same_in_parts_of_every_size() {
    let text = document();
    let expected = whole(&text).expect("it is well made");
    assert_eq!((expected.0.len(), expected.1.count()), (5, 0));
    for size in 1..text.len() + 2 {
        assert_eq!(in_parts(&text, size).as_ref(), Some(&expected), "{size}");
    }
}

#[test]
fn packages_that_cannot_be_used_are_the_same_in_parts_of_every_size() {
    let text = document()
        .replace("href=\"p1.rpm\"", "href=\"a/../b.rpm\"")
        .replace("<name>p3</name>", "<name>p 3</name>");
    let expected = whole(&text).expect("three are good");
    let odd: Vec<String> = expected.1.iter().map(ToString::to_string).collect();
    assert_eq!(
        odd,
        [
            "p1 1-1 (location: the location `a/../b.rpm` has a `..` component)",
            "p 3 3-1 (`p 3` is not a package name)",
        ]
    );
    for size in 1..text.len() + 2 {
        assert_eq!(in_parts(&text, size).as_ref(), Some(&expected), "{size}");
    }
}

#[test]
fn what_is_wrong_over_all_packages_is_seen_in_parts_too() {
    let text = document();
    let more = text.replace("packages=\"5\"", "packages=\"6\"");
    let fewer = text.replace("packages=\"5\"", "packages=\"4\"");
    let twins = text.replace(&format!("{:064}", 3), &format!("{:064}", 0));
    for wrong in [more, fewer, twins] {
        assert!(whole(&wrong).is_err());
        assert_eq!(in_parts(&wrong, 200), None);
    }
}

#[test]
fn a_comment_that_holds_the_end_of_a_package_is_left_to_the_reader_of_the_whole() {
    let text = document().replace("<summary>", "<!-- </package> --><summary>");
    assert_eq!(whole(&text).map(|(records, _)| records.len()).ok(), Some(5));
    let found = in_parts(&text, 64);
    assert!(found.is_none() || found == whole(&text).ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_parts_say_without_a_fault_the_whole_says(
        size in 1_usize..900,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..22), 1..5),
    ) {
        let pieces = [
            "<!--", "-->", "<![CDATA[", "]]>", "</package>", "<package type=\"rpm\">", "'", "\"", ">", "<", "/>",
            "</metadata>", "<metadata>", "<?x ", "?>", "&amp;", "&", "<!DOCTYPE metadata>", "</format>", "<format>",
            "<package/>", "</package><package>",
        ];
        let mut text = document();
        for (place, piece) in changes {
            let place = place.index(text.len());
            text.insert_str(place, pieces[piece]);
        }
        if let Some(found) = in_parts(&text, size) {
            prop_assert_eq!(whole(&text).ok(), Some(found));
        }
    }
}
