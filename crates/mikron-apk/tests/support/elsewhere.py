"""Makes a repository in the way of abuild, with tarfile and openssl: DIRECTORY KEY ALGORITHM-OF-THE-INDEX."""
import gzip, hashlib, io, subprocess, sys, tarfile, base64, os

root, key = sys.argv[1], sys.argv[2]

def member(entries, cut):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
    for info, body in entries:
        tar.addfile(info, io.BytesIO(body) if body is not None else None)
    if cut:
        data = out.getvalue()          # no end marks: apk reads the members as one archive
    else:
        tar.close()
        data = out.getvalue()
    return gzip.compress(data, 9, mtime=0)

def entry(name, body, mode=0o644, kind=tarfile.REGTYPE, checksum=False):
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.size, info.mtime = mode, kind, len(body or b""), 1700000000
    if checksum:
        info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(body).hexdigest()}
    return info, body

def signed(packed, algorithm):
    digest = {"RSA": "-sha1", "RSA256": "-sha256"}[algorithm]
    signature = subprocess.run(["openssl", "dgst", digest, "-sign", key + ".rsa"], input=packed,
                               stdout=subprocess.PIPE, check=True).stdout
    name = ".SIGN.%s.%s.rsa.pub" % (algorithm, os.path.basename(key))
    return member([entry(name, signature)], True) + packed

def package(name, version, files, depends, algorithm):
    entries = [entry("usr", None, 0o755, tarfile.DIRTYPE), entry("usr/bin", None, 0o755, tarfile.DIRTYPE)]
    entries += [entry(path, body, 0o755, checksum=True) for path, body in files]
    data = member(entries, False)
    info = "# Generated elsewhere\npkgname = %s\npkgver = %s\npkgdesc = made elsewhere\nurl = https://example.org\n" % (name, version)
    info += "builddate = 1700000001\nsize = %d\narch = x86_64\nlicense = MIT\n" % sum(len(b) for _, b in files)
    info += "".join("depend = %s\n" % d for d in depends)
    info += "datahash = %s\n" % hashlib.sha256(data).hexdigest()
    control = member([entry(".PKGINFO", info.encode()), entry(".post-install", b"#!/bin/sh\n", 0o755)], True)
    packed = signed(control, algorithm) + data
    open("%s/%s-%s.apk" % (root, name, version), "wb").write(packed)
    stanza = "C:Q1%s\nP:%s\nV:%s\nA:x86_64\nS:%d\nI:%d\nT:made elsewhere\nU:https://example.org\nL:MIT\nt:1700000001\n" % (
        base64.b64encode(hashlib.sha1(control).digest()).decode(), name, version, len(packed), sum(len(b) for _, b in files))
    return stanza + ("D:%s\n" % " ".join(depends) if depends else "") + "\n"

text = package("hello", "1.0-r0", [("usr/bin/hello", b"#!/bin/sh\n")], ["greeting", "/bin/sh"], "RSA256")
text += package("greeting", "2.1_rc3-r1", [("usr/bin/greeting", b"x" * 100000)], [], "RSA")
index = member([entry("DESCRIPTION", b"elsewhere"), entry("APKINDEX", text.encode())], False)
open(root + "/APKINDEX.tar.gz", "wb").write(signed(index, sys.argv[3]))
