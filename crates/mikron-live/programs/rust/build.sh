exec rustc --edition 2024 -O -o app main.rs -C link-arg=-l:libssl.so.3 -C link-arg=-l:libcrypto.so.3
