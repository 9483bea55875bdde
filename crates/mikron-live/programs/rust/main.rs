//! Hashes the path that it is asked for by OpenSSL.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_void};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

unsafe extern "C" {
    fn SHA256(data: *const c_uchar, length: usize, sum: *mut c_uchar) -> *mut c_uchar;
    fn OpenSSL_version(what: c_int) -> *const c_char;
    fn TLS_server_method() -> *const c_void;
    fn SSL_CTX_new(method: *const c_void) -> *mut c_void;
}

fn main() -> std::io::Result<()> {
    let version = unsafe { CStr::from_ptr(OpenSSL_version(0)) }.to_string_lossy();
    assert!(unsafe { !SSL_CTX_new(TLS_server_method()).is_null() });
    for stream in TcpListener::bind("0.0.0.0:8080")?.incoming() {
        let mut stream = stream?;
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request)?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let mut sum = [0; 32];
        unsafe { SHA256(path.as_ptr(), path.len(), sum.as_mut_ptr()) };
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = format!("{version}: sha256({path}) = {hex}\n");
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
    }
    Ok(())
}
