//! Interpreters and virtual machines.

use super::{Stage, TlsPeer, fastcgi};
use crate::runtime::Run;

/// Runs a program of the image with a script of the host, which can reach servers of the host.
fn script(stage: &Stage, args: &[&str], name: &str, text: &str, more: &[&str]) -> String {
    stage.file(name, text);
    let path = format!("/probe/{name}");
    let how = Run {
        binds: vec![(stage.dir().to_owned(), "/probe".into())],
        tmpfs: vec!["/tmp".into()],
        env: vec![("XDG_CACHE_HOME".into(), "/tmp/cache".into())],
        host_network: true,
        ..Run::default()
    };
    stage.run_with(&[args, &[&path], more].concat(), how).well()
}

pub(super) fn python(stage: &Stage) {
    let main = stage.serve().finish().well();
    assert!(main.starts_with("python: 3.11"), "{main}");
    let peer = TlsPeer::hello(stage.dir());
    assert!(stage.anchors() > 100, "{} certificates", stage.anchors());
    stage.trust(peer.certificate());
    let text = r#"
import asyncio, bz2, ctypes, curses, datetime, decimal, email, hashlib, json, locale, lzma, multiprocessing
import os, readline, socket, sqlite3, ssl, subprocess, sys, tempfile, unicodedata, urllib.request, uuid, yaml
import xml.etree.ElementTree as tree, zipfile, zlib, zoneinfo
print(urllib.request.urlopen(sys.argv[1]).read().decode().strip())
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0])
print(ctypes.CDLL("libc.so.6").abs(-3), ctypes.CDLL(None).abs(-4))
paris = datetime.datetime(2026, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))
print(paris.utcoffset(), len(zoneinfo.available_timezones()) > 400)
os.environ["TZ"] = "America/New_York"
import time; time.tzset(); print(time.tzname[0])
print(tree.fromstring("<a b='c'/>").get("b"), hashlib.md5(b"x").hexdigest()[:4], unicodedata.name("é"))
print(lzma.decompress(lzma.compress(b"l")) + bz2.decompress(bz2.compress(b"b")) + zlib.decompress(zlib.compress(b"z")))
curses.setupterm("xterm-256color", 1); print(curses.tigetnum("colors"))
print("é".encode("cp1252"), "日本".encode("shift_jis"), "é".encode("idna"))
print(subprocess.run("echo shell; exit 3", shell=True, capture_output=True))
print(multiprocessing.Queue and multiprocessing.get_context("fork").Lock().acquire())
print(yaml.__with_libyaml__, sys.getfilesystemencoding())
async def sleeps(): await asyncio.sleep(0); return "slept"
print(asyncio.run(sleeps()))
import threading; done = threading.Thread(target=print, args=("thread",)); done.start(); done.join()
"#;
    let output = script(
        stage,
        &["/usr/bin/python3"],
        "probe.py",
        text,
        &[&peer.url("hello.txt")],
    );
    let expected = "hello
42
3 4
2:00:00 True
EST
c 9dd4 LATIN SMALL LETTER E WITH ACUTE
b'lbz'
256
b'\\xe9' b'\\x93\\xfa\\x96{' b'xn--9ca'
CompletedProcess(args='echo shell; exit 3', returncode=3, stdout=b'shell\\n', stderr=b'')
True
True utf-8
slept
thread
";
    assert_eq!(output, expected);
}

pub(super) fn perl(stage: &Stage) {
    let main = stage.serve().finish().well();
    assert_eq!(main, "{\"perl\":\"v5.36.0\"}\n");
    let text = r#"
use strict; use warnings; use utf8; use open qw(:std :encoding(UTF-8));
use Encode; use POSIX qw(strftime floor); use Digest::SHA qw(sha256_hex); use Time::Piece; use Storable qw(dclone);
use List::Util qw(sum); use Data::Dumper; use Socket; use IO::Socket::IP; use File::Temp qw(tempfile); use Getopt::Long;
use Unicode::Normalize; use Compress::Zlib; use MIME::Base64; use JSON; use threads;
print uc("grün"), " ", length("grün"), "\n";
print "match\n" if "ж" =~ /^\p{Cyrillic}$/;
print encode("cp1252", "x") eq "x" ? "encoded\n" : "";
print unpack("H*", encode("shiftjis", "日")), " ", substr(sha256_hex(""), 0, 8), " ", sum(1 .. 8), "\n";
print Time::Piece->strptime("2026-11-24", "%Y-%m-%d")->strftime("%A"), " ", floor(3.7), "\n";
print uncompress(compress("zlib")), " ", decode_base64("YQ=="), " ", dclone([7])->[0], "\n";
print threads->create(sub { 42 })->join, "\n";
print `echo shell; :`;
"#;
    let output = script(stage, &["/usr/bin/perl"], "probe.pl", text, &[]);
    let expected = "GRÜN 4\nmatch\nencoded\n93fa e3b0c442 36\nTuesday 3\nzlib a 7\n42\nshell\n";
    assert_eq!(output, expected);
}

pub(super) fn ruby(stage: &Stage) {
    let main = stage.serve().finish().well();
    assert!(main.starts_with("{\"ruby\":\"3.1"), "{main}");
    let peer = TlsPeer::hello(stage.dir());
    let text = r#"
require "json"; require "yaml"; require "openssl"; require "zlib"; require "digest"; require "socket"; require "net/http"
require "date"; require "set"; require "erb"; require "bigdecimal"; require "fiddle"; require "io/console"; require "strscan"
require "ripper"; require "securerandom"; require "tempfile"; require "optparse"
puts Encoding.default_external, "grün".upcase, "grün".length
puts "é".encode("ISO-8859-1").bytes.inspect, "日".encode("Shift_JIS").bytes.inspect
puts YAML.dump("a" => [1]).lines.last, Zlib::Inflate.inflate(Zlib::Deflate.deflate("z")), Date.new(2026, 11, 24).strftime("%A")
puts ERB.new("<%= 6 * 7 %>").result, BigDecimal("1.10").to_s("F"), Digest::SHA256.hexdigest("")[0, 8]
store = OpenSSL::X509::Store.new; store.add_file(ARGV[1])
http = Net::HTTP.new("localhost", URI(ARGV[0]).port); http.use_ssl = true; http.cert_store = store
puts http.get("/hello.txt").body
puts Thread.new { 42 }.value, Gem::Version.new("1.2").bump, `echo shell; :`
"#;
    let output = script(
        stage,
        &["/usr/bin/ruby"],
        "probe.rb",
        text,
        &[&peer.url("hello.txt"), "/probe/cert.pem"],
    );
    let expected = "UTF-8\nGRÜN\n4\n[233]\n[147, 250]\n- 1\nz\nTuesday\n42\n1.1\ne3b0c442\nhello\n42\n2\nshell\n";
    assert_eq!(output, expected);
}

pub(super) fn nodejs(stage: &Stage) {
    let mut server = stage.serve();
    assert_eq!(server.fetch(&["http://localhost:8080/"]), "It works.\n");
    drop(server);
    let peer = TlsPeer::hello(stage.dir());
    let text = r#"
import { execSync } from "node:child_process"; import crypto from "node:crypto"; import https from "node:https";
import zlib from "node:zlib"; import { Worker } from "node:worker_threads"; import { readFileSync } from "node:fs";
import { createRequire } from "node:module"; import repl from "node:repl"; import tls from "node:tls";
const require = createRequire(import.meta.url);
console.log(new Intl.DateTimeFormat("de", { month: "long", timeZone: "Europe/Paris" }).format(new Date(0)));
console.log(["z", "ä", "b"].sort(new Intl.Collator("de").compare).join(""), "grün".toUpperCase(), "e\u0301".normalize("NFC").length);
console.log(new TextDecoder("shift_jis").decode(new Uint8Array([0x93, 0xfa])), tls.rootCertificates.length > 100);
console.log(crypto.createHash("sha256").update("").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("z")).toString());
console.log(zlib.brotliDecompressSync(zlib.brotliCompressSync("b")).toString(), typeof repl.start, /\p{Script=Greek}/u.test("α"));
console.log(await new Promise((done) => new Worker("require('worker_threads').parentPort.postMessage(42)", { eval: true }).on("message", done)));
console.log(await new Promise((done, fail) => https.get(process.argv[2], { ca: readFileSync(process.argv[3]) }, (answer) => answer.setEncoding("utf8").on("data", done)).on("error", fail)));
console.log(execSync("echo shell").toString().trim(), typeof fetch, typeof require("url").parse);
console.log(new Date(0).toLocaleString("en-GB", { timeZone: "America/New_York" }));
"#;
    let output = script(
        stage,
        &["/usr/bin/node"],
        "probe.mjs",
        text,
        &[&peer.url("hello.txt"), "/probe/cert.pem"],
    );
    let expected = "Januar\näbz GRÜN 1\n日 true\ne3b0c442 z\nb function true\n42\nhello\n\nshell function function\n31/12/1969, 19:00:00\n";
    assert_eq!(output, expected);
}

pub(super) fn php(stage: &Stage) {
    let text = r#"<?php
echo preg_match('/^\p{Lu}ü/u', 'Äü'), ' ', bin2hex(iconv('UTF-8', 'ISO-8859-1', 'é')), ' ', bin2hex(iconv('UTF-8', 'SHIFT_JIS', '日')), "\n";
echo bin2hex(iconv('UTF-8', 'ASCII//TRANSLIT', 'é€')), "\n";
echo (new NumberFormatter('de', NumberFormatter::DECIMAL))->format(1234.5), ' ', mb_strtoupper('grün'), "\n";
$w = ['z', 'ä', 'b']; (new Collator('de'))->sort($w); echo implode($w), "\n";
echo (new DateTime('2026-07-01 12:00', new DateTimeZone('Europe/Paris')))->format('P'), ' ', count(DateTimeZone::listIdentifiers()) > 400 ? 'zones' : 'none', "\n";
echo (new PDO('sqlite::memory:'))->query('select 6 * 7')->fetchColumn(), ' ', json_encode(['a' => 1]), ' ', substr(hash('sha256', ''), 0, 8), "\n";
echo gzuncompress(gzcompress('z')), ' ', extension_loaded('Zend OPcache') ? 'opcache' : 'none', ' ', strlen(random_bytes(4)), "\n";
echo file_get_contents($_SERVER['URL'], false, stream_context_create(['ssl' => ['cafile' => $_SERVER['CAFILE']]]));
echo shell_exec('echo shell');
"#;
    let peer = TlsPeer::hello(stage.dir());
    // Listens where the probe can reach it; all else is as in the image.
    let port = fastcgi::free_port();
    let pool = format!(
        "[www]\nuser = www-data\ngroup = www-data\nlisten = 127.0.0.1:{port}\npm = static\npm.max_children = 2\n"
    );
    stage.file("probe.php", text);
    let pool = stage.file("pool.conf", pool);
    let how = Run {
        binds: vec![
            (stage.dir().to_owned(), "/probe".into()),
            (pool, "/etc/php/8.2/fpm/pool.d/www.conf".into()),
        ],
        host_network: true,
        ..Run::default()
    };
    let mut server = stage.serve_with(&how);
    server.says("ready to handle connections");
    let page = fastcgi::request(port, "/srv/index.php", &[]);
    assert_eq!(
        page.body,
        "It works.",
        "{}: {}",
        page.errors,
        server.output()
    );
    let url = peer.url("hello.txt");
    let params = [("URL", url.as_str()), ("CAFILE", "/probe/cert.pem")];
    let answer = fastcgi::request(port, "/probe/probe.php", &params);
    let expected = "1 e9 93fa\n65455552\n1.234,5 GRÜN\näbz\n+02:00 zones\n42 {\"a\":1} e3b0c442\nz opcache 4\nhello\nshell\n";
    assert_eq!(answer.body, expected, "{}", answer.errors);
    server.signal("QUIT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.output());
}

pub(super) fn openjdk(stage: &Stage) {
    let version = stage.serve().finish().well();
    assert!(version.contains("OpenJDK Runtime Environment"), "{version}");
    let peer = TlsPeer::hello(stage.dir());
    // Added to the trusted ones as an administrator does it.
    let keytool = [
        "/usr/lib/jvm/java-17-openjdk-amd64/bin/keytool",
        "-importcert",
        "-cacerts",
        "-noprompt",
        "-storepass",
        "changeit",
        "-alias",
        "peer",
        "-file",
        "/probe/cert.pem",
    ];
    let how = Run {
        user: Some((0, 0)),
        binds: vec![(stage.dir().to_owned(), "/probe".into())],
        ..Run::default()
    };
    stage.run_with(&keytool, how).well();
    let text = r#"
import java.awt.*; import java.awt.image.BufferedImage; import java.io.*; import java.net.*; import java.nio.charset.*;
import java.security.*; import java.time.*; import java.util.*; import javax.imageio.ImageIO; import javax.net.ssl.*;
public class Probe {
  public static void main(String[] args) throws Exception {
    var factory = TrustManagerFactory.getInstance("PKIX"); factory.init((KeyStore) null);
    System.out.println(((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length > 100);
    System.out.print(new String(new URL(args[0]).openStream().readAllBytes(), "UTF-8"));
    var image = new BufferedImage(200, 50, BufferedImage.TYPE_INT_RGB); var g = image.createGraphics();
    g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    g.setFont(new Font("SansSerif", Font.PLAIN, 30)); g.drawString("hello", 10, 40);
    int lit = 0; for (int x = 0; x < 200; x++) for (int y = 0; y < 50; y++) if ((image.getRGB(x, y) & 0xffffff) != 0) lit++;
    System.out.println(lit > 100);
    var out = new ByteArrayOutputStream(); System.out.println(ImageIO.write(image, "png", out) && ImageIO.write(image, "jpg", out));
    System.out.println(ZonedDateTime.of(2026, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Paris")).getOffset());
    System.out.println(Arrays.toString("\u65e5".getBytes("Shift_JIS")) + " " + NumberFormatOf("de"));
    System.out.println(MessageDigest.getInstance("SHA-256").getProvider() + " " + SecureRandom.getInstanceStrong().getAlgorithm().isEmpty());
    var thread = new Thread(() -> System.out.println("thread")); thread.start(); thread.join();
    System.out.println(System.getProperty("user.name") + " " + InetAddress.getByName("localhost").isLoopbackAddress());
  }
  static String NumberFormatOf(String tag) { return java.text.NumberFormat.getInstance(Locale.forLanguageTag(tag)).format(1234.5); }
}
"#;
    let java = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java";
    let output = script(
        stage,
        &[java, "-Djava.awt.headless=true"],
        "Probe.java",
        text,
        &[&peer.url("hello.txt")],
    );
    let expected = "true\nhello\ntrue\ntrue\n+02:00\n[-109, -6] 1.234,5\nSUN version 17 false\nthread\nnonroot true\n";
    assert_eq!(output, expected);
}
