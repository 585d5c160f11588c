import { costOfWeights, count, kernelName, loopsOf, parseSass } from './sass';

const listing = `
	.section	.text._ZN5rotor4cuda12_GLOBAL__N_17productILi4ELb1EEEvPKji,"ax",@progbits
.text._ZN5rotor4cuda12_GLOBAL__N_17productILi4ELb1EEEvPKji:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   MOV R2, RZ ;
.L_x_1:
        /*0020*/                   LDG.E.NA.128.CONSTANT R4, desc[UR6][R30.64] ;
        /*0030*/              @!P0 LDG.E.NA.128.CONSTANT R8, desc[UR6][R30.64+0x200] ;
        /*0040*/               @P1 BRA \`(.L_x_3) ;
.L_x_2:
        /*0050*/                   LDS R3, [R2] ;
        /*0060*/              @!P2 BRA \`(.L_x_2) ;
.L_x_3:
        /*0070*/                   IMMA.16832.U8.S8 R8, R4.ROW, R6.COL, R8 ;
        /*0080*/                   IADD3 R2, R2, 0x1, RZ ;
        /*0090*/                   STL [R1], R3 ;
        /*00a0*/              @!P0 BRA \`(.L_x_1) ;
        /*00b0*/                   EXIT ;
.L_x_4:
        /*00c0*/                   BRA \`(.L_x_4);
        /*00d0*/                   NOP;
	.section	.text.plain,"ax",@progbits
.text.plain:
        /*0000*/                   LDG.E.128 R4, desc[UR6][R30.64] ;
        /*0010*/                   EXIT ;
`;

describe('machine code as nvdisasm prints it', () => {
  const [product, plain] = parseSass(listing);

  test('kernels, their names and instructions', () => {
    expect(parseSass(listing)).toHaveLength(2);
    expect(product.name).toBe('product<4,true>');
    expect(plain.name).toBe('plain');
    expect(product.code).toHaveLength(14);
    expect(product.code[3]).toEqual({
      address: 0x30,
      predicate: '@!P0',
      opcode: 'LDG.E.NA.128.CONSTANT',
      operands: 'R8, desc[UR6][R30.64+0x200]',
    });
    expect(count(product, /^(LDL|STL)/)).toBe(1);
    expect(count(plain, /^LDG/)).toBe(1);
  });

  test('loops, inner ones first; the padding is none', () => {
    expect(loopsOf(product)).toEqual([
      { first: 5, last: 6 },
      { first: 2, last: 10 },
    ]);
    expect(loopsOf(plain)).toEqual([]);
  });

  test('the cost of weights leaves out the piece without loads of weights and products', () => {
    // Three instructions with the loads, four with the product, two loads.
    expect(costOfWeights(product, /^IMMA/)).toEqual({ each: 3.5, loads: 2 });
    expect(costOfWeights(product, /^BMMA/)).toBeUndefined();
    expect(costOfWeights(plain, /^LDG/)).toBeUndefined();
  });

  test('names that are not mangled, and arguments that are no numbers', () => {
    expect(kernelName('rotor')).toBe('rotor');
    expect(kernelName('_ZN5rotor4cuda6appendIfEEvNS_4ViewE')).toBe('append');
    expect(kernelName('_Z4stepILin3EEvv')).toBe('step<-3>');
  });

  test('text without kernels', () => expect(parseSass('.headerflags\n/*0000*/ EXIT ;')).toEqual([]));
});
