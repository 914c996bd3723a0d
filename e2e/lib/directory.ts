import { spawnSync } from 'node:child_process';

/** What `sambadc --ready` writes. */
export interface Controller {
  ldaps_url: string;
  ca_file: string;
  base_dn: string;
  admin_bind: string;
  admin_password: string;
  service_bind: string;
  service_password: string;
}

export interface Person {
  account: string;
  dn: string;
  upn: string;
  password: string;
  name: string;
}

/** The directory as everybody else sees it: OpenLDAP's own tools, nothing of Latchkey. */
export class Directory {
  constructor(readonly dc: Controller) {}

  /** Binds as a person. code is AD's sub-code ("775"), "" when the bind is good. */
  bind(person: Person, password: string): { ok: boolean; code: string } {
    const r = this.tool('ldapsearch', person.upn, password, ['-b', '', '-s', 'base', 'dnsHostName'], '');
    if (r.status === 0) return { ok: true, code: '' };
    const code = /data ([0-9a-f]+)/.exec(r.stderr)?.[1];
    if (code === undefined) throw new Error(`bind as ${person.account}: ${r.stderr}`);
    return { ok: false, code };
  }

  /** Makes a person below OU=Staff, with a password that is not to be changed. */
  add(account: string, options: { given: string; surname: string; department?: string; ou?: string } ): Person {
    const name = `${options.given} ${options.surname}`;
    const dn = `CN=${name} ${account},${options.ou ?? 'OU=Staff'},${this.dc.base_dn}`;
    const domain = this.dc.base_dn.toLowerCase().replaceAll('dc=', '').replaceAll(',', '.');
    const password = `Start-${account}-26!x`;
    this.apply([
      `dn: ${dn}`, 'changetype: add', 'objectClass: user', `sAMAccountName: ${account}`, `userPrincipalName: ${account}@${domain}`,
      `displayName: ${name}`, `givenName: ${options.given}`, `sn: ${options.surname}`, `department: ${options.department ?? 'Workshop'}`,
      'userAccountControl: 512', `unicodePwd:: ${unicodePwd(password)}`,
    ]);
    return { account, dn, upn: `${account}@${domain}`, password, name };
  }

  /** Wrong binds until the directory says that the account is locked. */
  lock(person: Person): void {
    for (let i = 0; i < 20; i++) {
      if (this.bind(person, `wrong-${i}-Xy`).code === '775') return;
    }
    throw new Error(`${person.account} did not lock`);
  }

  replace(person: Person, attribute: string, value: string): void {
    this.apply([`dn: ${person.dn}`, 'changetype: modify', `replace: ${attribute}`, `${attribute}: ${value}`]);
  }

  mustChange(person: Person): void { this.replace(person, 'pwdLastSet', '0'); }

  remove(person: Person): void { this.apply([`dn: ${person.dn}`, 'changetype: delete']); }

  read(person: Person, attribute: string): string {
    const r = this.tool('ldapsearch', this.dc.admin_bind, this.dc.admin_password, ['-LLL', '-o', 'ldif-wrap=no', '-b', person.dn, '-s', 'base', attribute], '');
    if (r.status !== 0) throw new Error(r.stderr);
    return new RegExp(`^${attribute}: (.*)$`, 'm').exec(r.stdout)?.[1] ?? '';
  }

  apply(ldif: string[]): void {
    const r = this.tool('ldapmodify', this.dc.admin_bind, this.dc.admin_password, [], `${ldif.join('\n')}\n`);
    if (r.status !== 0) throw new Error(`${ldif[0] ?? ''}: ${r.stderr}`);
  }

  private tool(name: string, bind: string, password: string, args: string[], input: string) {
    return spawnSync(name, ['-x', '-H', this.dc.ldaps_url, '-D', bind, '-w', password, ...args], {
      input, encoding: 'utf8', env: { ...process.env, LDAPTLS_CACERT: this.dc.ca_file, LDAPTLS_REQCERT: 'demand' }, timeout: 30_000,
    });
  }
}

/** MS-ADTS 3.1.1.3.1.5: the quoted password in UTF-16LE. */
function unicodePwd(password: string): string {
  return Buffer.from(`"${password}"`, 'utf16le').toString('base64');
}
