"""The measurements that the README quotes, runnable by anyone: `make bench`. See bench/README.md."""
