# Becomes the init of a machine that has nothing of this one but its programs, read-only, and $2, which is its /root.
# $1: an empty folder. $3, where there is one: the home of a user pi, who has a systemd of his own, as if he lingered. Run by `unshare --fork --pid --mount --uts --mount-proc --cgroup`. Everything of this machine is let
# go before systemd starts: what systemd cleans up at boot (it empties /tmp) must never be this machine's.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
for name in usr bin sbin lib lib64; do
  [ -e "/$name" ] || continue
  if [ -L "/$name" ]; then cp -P "/$name" "$name"; else mkdir "$name"; mount --bind "/$name" "$name"; mount -o remount,bind,ro "$name"; fi
done
mkdir -p etc/systemd/system proc sys dev/shm run tmp var/log var/tmp root home old
chmod 1777 tmp var/tmp
printf 'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n' >etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' >etc/group
: >etc/machine-id
cp -P /etc/ld.so.cache /etc/ld.so.conf etc/
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm
ln -s pts/ptmx dev/ptmx
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mkdir -p run/sshd
mount --bind "$2" root
for unit in systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-journald systemd-journal-flush systemd-udevd; do
  ln -s /dev/null "etc/systemd/system/$unit.service"
done
printf '[Unit]\nDescription=what is tested\nDefaultDependencies=no\n[Install]\nAlias=default.target\n' >etc/systemd/system/tested.target
printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/sbin/sshd -D -f /root/.sshd/config -E /root/.sshd/log\nKillMode=process\n[Install]\nWantedBy=tested.target\n' >etc/systemd/system/test-sshd.service
mkdir -p etc/systemd/system/tested.target.wants etc/systemd/system/multi-user.target.wants
ln -s ../test-sshd.service etc/systemd/system/tested.target.wants/test-sshd.service
# Units that were enabled before a restart of the machine lie in its home: /etc is as new each time.
cp root/.units/*.service etc/systemd/system/ 2>/dev/null || true
for unit in root/.units/*.service; do
  [ -e "$unit" ] && ln -s "../${unit##*/}" "etc/systemd/system/tested.target.wants/${unit##*/}"
done
if [ -n "${3:-}" ]; then
  mkdir -p home/pi var/lib/systemd/linger run/user/1000
  printf 'pi:x:1000:1000::/home/pi:/bin/sh\n' >>etc/passwd
  printf 'pi:x:1000:\n' >>etc/group
  chmod 700 run/user/1000
  chown 1000:1000 "$3" run/user/1000
  mount --bind "$3" home/pi
  # What logind keeps and starts, where there is a logind: it takes D-Bus and PAM.
  : >var/lib/systemd/linger/pi
  printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=notify\nUser=pi\nDelegate=yes\nEnvironment=XDG_RUNTIME_DIR=/run/user/1000\nExecStart=/lib/systemd/systemd --user --log-target=null\nKillMode=mixed\n' >etc/systemd/system/test-user.service
  ln -s ../test-user.service etc/systemd/system/tested.target.wants/test-user.service
fi
pivot_root . old
umount -l /old
export container=docker
exec /lib/systemd/systemd --system --unit=tested.target --log-target=null
