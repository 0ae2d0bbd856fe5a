import {describeMachineSuite} from './machineSuite.ts';
import {startOpenSshServer} from './sshServers.ts';

describeMachineSuite('OpenSSH', startOpenSshServer);
