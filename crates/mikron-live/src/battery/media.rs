//! Pictures, sound and film.

use std::fs;

use super::Stage;

pub(super) fn ffmpeg(stage: &Stage) {
    let film = "/desk/film.mp4";
    let made = stage.call(&[
        "-hide_banner",
        "-loglevel",
        "warning",
        "-f",
        "lavfi",
        "-i",
        "testsrc=duration=1:size=320x240:rate=10",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:duration=1",
        "-vf",
        "drawtext=font=DejaVu Sans:text=hello:fontsize=40:fontcolor=white",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        film,
    ]);
    let text = made.text();
    assert!(made.status.success(), "{text}");
    assert!(!text.contains("default config"), "{text}");
    let probe = [
        "/usr/bin/ffprobe",
        "-v",
        "error",
        "-show_entries",
        "stream=codec_name",
        "-of",
        "csv=p=0",
        film,
    ];
    assert_eq!(stage.run(&probe).well(), "h264\naac\n");
    for (codec, name) in [
        ("libvpx-vp9", "film.webm"),
        ("libx265", "film.mkv"),
        ("libopus", "sound.opus"),
    ] {
        let input = ["-v", "error", "-i", film, "-frames:v", "3"];
        let (flag, skip) = if codec == "libopus" {
            ("-c:a", "-vn")
        } else {
            ("-c:v", "-an")
        };
        let out = format!("/desk/{name}");
        stage
            .call(&[&input[..], &[flag, codec, skip, &out]].concat())
            .well();
    }
}

pub(super) fn imagemagick(stage: &Stage) {
    let work = stage.rootfs().join("desk");
    for name in [
        "label.png",
        "label.jpg",
        "label.gif",
        "label.webp",
        "label.tiff",
        "label.pdf",
    ] {
        let path = format!("/desk/{name}");
        let label = [
            "-background",
            "white",
            "-fill",
            "black",
            "-font",
            "DejaVu-Sans",
            "-pointsize",
            "40",
            "label:hello",
        ];
        let made = stage.call(&[&label[..], &[&path]].concat());
        // The policy of Debian allows no PDF.
        if name == "label.pdf" {
            assert!(made.text().contains("security policy"), "{}", made.text());
            continue;
        }
        let text = made.text();
        assert!(
            made.status.success() && !text.contains("unable"),
            "{name}: {text}"
        );
        assert!(
            fs::metadata(work.join(name)).is_ok_and(|file| file.len() > 300),
            "{name}"
        );
    }
    let seen = stage
        .run(&[
            "/usr/bin/identify-im6.q16",
            "/desk/label.png",
            "/desk/label.webp",
        ])
        .well();
    assert!(seen.contains("PNG") && seen.contains("WEBP"), "{seen}");
    // Text was drawn: there is black and there is white.
    let mean = stage
        .call(&[
            "/desk/label.png",
            "-format",
            "%[fx:mean<0.97&&mean>0.3]",
            "info:",
        ])
        .well();
    assert_eq!(mean, "1");
    let colour = stage
        .call(&[
            "xc:firebrick",
            "-resize",
            "10x10",
            "-format",
            "%[pixel:p{0,0}]",
            "info:",
        ])
        .well();
    assert!(
        colour.contains("178,34,34") || colour.contains("firebrick"),
        "{colour}"
    );
}
