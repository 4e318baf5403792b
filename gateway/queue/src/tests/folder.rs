//! What a folder is: two copies, either is enough.

use std::sync::Arc;

use sluicegate_core::proof::Repeat;
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::Store;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

async fn folder() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &config(""));
    store.commit(routed(&event(1), Some("key"), &["a"])).await.unwrap();
    store.stop().await;
    disk
}

#[tokio::test]
async fn a_damaged_or_missing_copy_is_made_again_and_keys_are_still_known() {
    let whole = folder().await;
    let bytes = whole.bytes_of("format");
    assert_eq!(bytes, whole.bytes_of("format.copy"));
    for file in ["format", "format.copy"] {
        for byte in 0..=bytes.len() {
            let disk = whole.after_power_cut(0);
            if byte < bytes.len() {
                disk.flip(file, byte, (byte % 8) as u8);
            } else {
                disk.remove(file).unwrap();
            }
            let seam: Arc<dyn Disk> = Arc::new(disk.clone());
            let store = open_on(&seam, &config(""));
            let again = store.commit(routed(&event(2), Some("key"), &["a"])).await.unwrap();
            assert_eq!(again.repeat(), Repeat::Duplicate, "{file} {byte}");
            assert_eq!(store.metrics().quarantined, u64::from(byte < bytes.len()));
            assert_eq!(disk.bytes_of("format"), bytes);
            assert_eq!(disk.bytes_of("format.copy"), bytes);
        }
    }
}

#[tokio::test]
async fn two_damaged_copies_are_refused_and_nothing_is_changed() {
    let disk = folder().await;
    disk.flip("format", 3, 1);
    disk.flip("format.copy", 40, 1);
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let fault = Store::open_on(seam, &config(""), wall_clock()).unwrap_err();
    assert_eq!(fault.code(), "data_folder_version");
    assert!(fault.to_string().contains("version unknown"), "{fault}");
}
