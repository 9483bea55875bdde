//! Says which image was built along with it.

fn main() {
    println!("{} {}", env!("IMAGE_DIGEST"), env!("IMAGE_SIZE"));
}
